// Package clients uses Atoll as Go programs use DynamoDB: by the AWS SDK for Go, version 2.
//
// test_clients_go.py compiles it and runs each test against a cluster of three regions. The SDK is
// Debian's, which is too old to read AWS_ENDPOINT_URL, so the configuration names the endpoint.
package clients

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	virginia = "us-east-1"
	ireland  = "eu-west-1"
	tokyo    = "ap-northeast-1"
)

var ctx = context.Background()

// newClient makes the client of a region; the region that signs decides who answers.
func newClient(
	t *testing.T, region string, options ...func(*dynamodb.Options),
) *dynamodb.Client {
	t.Helper()
	endpoint := func(service, region string, _ ...interface{}) (aws.Endpoint, error) {
		return aws.Endpoint{URL: os.Getenv("AWS_ENDPOINT_URL"), SigningRegion: region}, nil
	}
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region),
		config.WithEndpointResolverWithOptions(aws.EndpointResolverWithOptionsFunc(endpoint)))
	must(t, err)
	return dynamodb.NewFromConfig(settings, options...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal fails the test unless both values print alike.
func equal(t *testing.T, found, wanted interface{}) {
	t.Helper()
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		t.Fatalf("found %v, wanted %v", found, wanted)
	}
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true", what)
		}
		// The poll interval of a condition, not a wait for time to pass.
		time.Sleep(20 * time.Millisecond)
	}
}

func unique(name string) string {
	return fmt.Sprintf("go-%s-%08x", name, rand.New(rand.NewSource(time.Now().UnixNano())).Uint32())
}

func quickly(options *dynamodb.TableExistsWaiterOptions) {
	options.MinDelay, options.MaxDelay = 50*time.Millisecond, time.Second
}

func awaitTable(t *testing.T, client *dynamodb.Client, name string) {
	t.Helper()
	must(t, dynamodb.NewTableExistsWaiter(client, quickly).Wait(
		ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
}

// newTable makes a table of songs by artist and title, with an index by genre and year.
func newTable(t *testing.T, client *dynamodb.Client, name string) string {
	t.Helper()
	name = unique(name)
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	made, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute("artist", types.ScalarAttributeTypeS),
			attribute("title", types.ScalarAttributeTypeS),
			attribute("genre", types.ScalarAttributeTypeS),
			attribute("year", types.ScalarAttributeTypeN),
		},
		KeySchema: []types.KeySchemaElement{
			key("artist", types.KeyTypeHash), key("title", types.KeyTypeRange),
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("by-genre"),
			KeySchema: []types.KeySchemaElement{
				key("genre", types.KeyTypeHash), key("year", types.KeyTypeRange),
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("islands")}},
	})
	must(t, err)
	equal(t, made.TableDescription.TableStatus, types.TableStatusCreating)
	awaitTable(t, client, name)
	return name
}
