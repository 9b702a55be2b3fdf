package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// tap notes what the answers' headers say, and can spoil their bodies.
type tap struct {
	sync.Mutex
	encodings map[string]int
	checksums int
	spoil     bool
}

func (tap *tap) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	tap.Lock()
	defer tap.Unlock()
	tap.encodings[answer.Header.Get("Content-Encoding")]++
	if _, err := strconv.ParseUint(answer.Header.Get("X-Amz-Crc32"), 10, 32); err == nil {
		tap.checksums++
	}
	if tap.spoil {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return nil, err
		}
		answer.Body.Close()
		body[len(body)/2] ^= 1
		answer.Body = io.NopCloser(bytes.NewReader(body))
	}
	return answer, nil
}

// The SDK compares every answer's checksum by itself, also that of a compressed one. It warns when
// one differs; test_clients_go.py looks at every test's warnings, this one at a spoiled answer's.
func TestChecksumsAndCompression(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		tap := &tap{encodings: map[string]int{}}
		warnings := []string{}
		client := newClient(t, virginia, func(options *dynamodb.Options) {
			options.Logger = logging.LoggerFunc(
				func(_ logging.Classification, format string, values ...interface{}) {
					warnings = append(warnings, fmt.Sprintf(format, values...))
				})
			options.HTTPClient = &http.Client{Transport: tap}
			options.EnableAcceptEncodingGzip = compressed
		})
		table := newTable(t, client, "wire")
		long := strings.Repeat("x", 20_000)
		item := songKey("long", "one")
		item["data"] = &types.AttributeValueMemberS{Value: long}
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
		must(t, err)
		get := &dynamodb.GetItemInput{
			TableName: &table, Key: songKey("long", "one"), ConsistentRead: aws.Bool(true),
		}
		for range [3]int{} {
			answer, err := client.GetItem(ctx, get)
			must(t, err)
			equal(t, answer.Item["data"].(*types.AttributeValueMemberS).Value, long)
		}
		if compressed != (tap.encodings["gzip"] >= 3) {
			t.Fatalf("encodings %v with compression %v", tap.encodings, compressed)
		}
		answers := 0
		for _, count := range tap.encodings {
			answers += count
		}
		equal(t, tap.checksums, answers)
		equal(t, warnings, []string{})
		tap.spoil = true
		_, err = client.GetItem(ctx, get)
		if err == nil && len(warnings) == 0 {
			t.Fatal("nobody noticed that an answer was spoiled")
		}
	}
}

func TestErrorsOfTheService(t *testing.T) {
	client := newClient(t, tokyo)
	name := unique("nowhere")
	_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: songKey("a", "b")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Fatalf("not a ResourceNotFoundException: %v", err)
	}
	code := func(err error) string {
		var failure smithy.APIError
		if !errors.As(err, &failure) {
			t.Fatalf("not an error of the service: %v", err)
		}
		return failure.ErrorCode()
	}
	_, err = client.Query(ctx, &dynamodb.QueryInput{
		TableName: &name, KeyConditionExpression: aws.String("artist ="),
	})
	equal(t, code(err), "ValidationException")
	_, err = client.ListBackups(ctx, &dynamodb.ListBackupsInput{})
	equal(t, code(err), "UnknownOperationException")
}

// One client serves many goroutines, whose updates all count.
func TestConcurrentCounters(t *testing.T) {
	client := newClient(t, ireland)
	table := newTable(t, client, "counters")
	var group sync.WaitGroup
	failures := make(chan error, 32)
	for range [32]int{} {
		group.Add(1)
		go func() {
			defer group.Done()
			for range [10]int{} {
				_, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
					TableName: &table, Key: songKey("counter", "one"),
					UpdateExpression: aws.String("ADD hits :one"),
					ExpressionAttributeValues: map[string]types.AttributeValue{
						":one": &types.AttributeValueMemberN{Value: "1"},
					},
				})
				if err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Fatal(err)
	}
	answer, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: songKey("counter", "one"), ConsistentRead: aws.Bool(true),
	})
	must(t, err)
	equal(t, answer.Item["hits"].(*types.AttributeValueMemberN).Value, "320")
}
