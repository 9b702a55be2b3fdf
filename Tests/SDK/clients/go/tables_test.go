package clients

import (
	"errors"
	"sort"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestTableThroughItsLife(t *testing.T) {
	client := newClient(t, tokyo)
	started := time.Now().Add(-2 * time.Second)
	name := newTable(t, client, "life")
	described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	must(t, err)
	table := described.Table
	equal(t, table.TableStatus, types.TableStatusActive)
	equal(t, table.BillingModeSummary.BillingMode, types.BillingModePayPerRequest)
	equal(t, *table.GlobalSecondaryIndexes[0].IndexName, "by-genre")
	equal(t, table.GlobalSecondaryIndexes[0].IndexStatus, types.IndexStatusActive)
	if table.CreationDateTime.Before(started) || table.CreationDateTime.After(time.Now()) {
		t.Fatalf("created at %v", table.CreationDateTime)
	}
	tags, err := client.ListTagsOfResource(
		ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: table.TableArn})
	must(t, err)
	equal(t, len(tags.Tags), 1)
	equal(t, *tags.Tags[0].Value, "islands")
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String("expires"), Enabled: aws.Bool(true),
		},
	})
	must(t, err)
	eventually(t, "time to live", func() bool {
		living, err := client.DescribeTimeToLive(
			ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
		must(t, err)
		return living.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusEnabled
	})
	_, err = client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
	must(t, err)
	must(t, dynamodb.NewTableNotExistsWaiter(
		client, func(options *dynamodb.TableNotExistsWaiterOptions) {
			options.MinDelay, options.MaxDelay = 50*time.Millisecond, time.Second
		},
	).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
	_, err = client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Fatalf("described a deleted table: %v", err)
	}
	equal(t, missing.ErrorMessage(), "Requested resource not found: Table: "+name+" not found")
}

func TestListTablesPaginator(t *testing.T) {
	client := newClient(t, ireland)
	made := []string{}
	for range [3]int{} {
		made = append(made, newTable(t, client, "listed"))
	}
	sort.Strings(made)
	found, pages := []string{}, 0
	paginator := dynamodb.NewListTablesPaginator(
		client, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		must(t, err)
		pages++
		for _, name := range page.TableNames {
			if len(name) > 10 && name[:10] == "go-listed-" {
				found = append(found, name)
			}
		}
	}
	equal(t, found, made)
	if pages < 3 {
		t.Fatalf("%d pages", pages)
	}
}

func TestGlobalTable(t *testing.T) {
	near, far := newClient(t, virginia), newClient(t, ireland)
	name := newTable(t, near, "global")
	_, err := near.UpdateTable(ctx, &dynamodb.UpdateTableInput{
		TableName: &name,
		ReplicaUpdates: []types.ReplicationGroupUpdate{{
			Create: &types.CreateReplicationGroupMemberAction{RegionName: aws.String(ireland)},
		}},
	})
	must(t, err)
	awaitTable(t, near, name)
	awaitTable(t, far, name)
	eventually(t, "the replicas as Ireland sees them", func() bool {
		described, err := far.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		must(t, err)
		statuses := map[string]types.ReplicaStatus{}
		for _, replica := range described.Table.Replicas {
			statuses[*replica.RegionName] = replica.ReplicaStatus
		}
		return len(statuses) == 2 && statuses[virginia] == types.ReplicaStatusActive &&
			statuses[ireland] == types.ReplicaStatusActive
	})

	written := song{Artist: "Skerry", Title: "Both shores", Year: 2026}
	putSong(t, near, name, written)
	eventually(t, "the song in Ireland", func() bool {
		found, ok := getSong(t, far, name, written.Artist, written.Title, false)
		return ok && found.Year == 2026
	})
	_, err = far.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &name, Key: songKey(written.Artist, written.Title),
		UpdateExpression:         aws.String("SET #y = #y + :one"),
		ExpressionAttributeNames: map[string]string{"#y": "year"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":one": &types.AttributeValueMemberN{Value: "1"},
		},
	})
	must(t, err)
	eventually(t, "the year in Virginia", func() bool {
		found, _ := getSong(t, near, name, written.Artist, written.Title, true)
		return found.Year == 2027
	})
}
