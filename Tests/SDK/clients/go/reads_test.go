package clients

import (
	"fmt"
	"sort"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// titles reads every page of a query.
func titles(
	t *testing.T, client *dynamodb.Client, query *dynamodb.QueryInput,
) (found []string, pages int) {
	t.Helper()
	paginator := dynamodb.NewQueryPaginator(client, query)
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		must(t, err)
		var songs []song
		must(t, attributevalue.UnmarshalListOfMaps(page.Items, &songs))
		for _, one := range songs {
			found = append(found, one.Title)
		}
		pages++
	}
	return found, pages
}

func numbered(from, to, step int) (names []string) {
	for n := from; n != to; n += step {
		names = append(names, fmt.Sprintf("%03d", n))
	}
	return names
}

func TestQueryPaginator(t *testing.T) {
	client := newClient(t, virginia)
	table := newTable(t, client, "query")
	writeSongs(t, client, table, 60)
	key, value := expression.Key, expression.Value
	query := func(condition expression.KeyConditionBuilder, limit int32) *dynamodb.QueryInput {
		built, err := expression.NewBuilder().WithKeyCondition(condition).
			WithProjection(expression.NamesList(expression.Name("title"))).Build()
		must(t, err)
		return &dynamodb.QueryInput{
			TableName: &table, KeyConditionExpression: built.KeyCondition(),
			ProjectionExpression:     built.Projection(),
			ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values(),
			Limit: aws.Int32(limit), ConsistentRead: aws.Bool(true),
		}
	}
	band := key("artist").Equal(value("band"))
	found, pages := titles(t, client, query(band, 7))
	equal(t, found, numbered(0, 60, 1))
	equal(t, pages, 9)
	backwards := query(band, 25)
	backwards.ScanIndexForward = aws.Bool(false)
	found, _ = titles(t, client, backwards)
	equal(t, found, numbered(59, -1, -1))
	found, _ = titles(t, client, query(band.And(key("title").Between(value("010"), value("012"))), 2))
	equal(t, found, numbered(10, 13, 1))
	found, _ = titles(t, client, query(band.And(key("title").BeginsWith("05")), 100))
	equal(t, found, numbered(50, 60, 1))
	found, _ = titles(t, client, query(band.And(key("title").GreaterThan(value("057"))), 100))
	equal(t, found, numbered(58, 60, 1))
}

func TestIndexQuery(t *testing.T) {
	client := newClient(t, ireland)
	table := newTable(t, client, "index")
	writeSongs(t, client, table, 60)
	built, err := expression.NewBuilder().
		WithKeyCondition(expression.Key("genre").Equal(expression.Value("rock")).
			And(expression.Key("year").LessThan(expression.Value(1930)))).
		WithFilter(expression.Name("title").NotEqual(expression.Value("003"))).Build()
	must(t, err)
	eventually(t, "the index", func() bool {
		found, _ := titles(t, client, &dynamodb.QueryInput{
			TableName: &table, IndexName: aws.String("by-genre"),
			KeyConditionExpression: built.KeyCondition(), FilterExpression: built.Filter(),
			ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values(),
			Limit: aws.Int32(4),
		})
		wanted := append([]string{"000"}, numbered(6, 30, 3)...)
		return fmt.Sprint(found) == fmt.Sprint(wanted)
	})
}

func TestScanPaginatorInParallel(t *testing.T) {
	client := newClient(t, virginia)
	table := newTable(t, client, "scan")
	writeSongs(t, client, table, 60)
	const segments = 4
	var group sync.WaitGroup
	results := make([][]string, segments)
	failures := make([]error, segments)
	for segment := 0; segment < segments; segment++ {
		group.Add(1)
		go func(segment int) {
			defer group.Done()
			paginator := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{
				TableName: &table, Segment: aws.Int32(int32(segment)),
				TotalSegments: aws.Int32(segments), Limit: aws.Int32(5),
				ConsistentRead: aws.Bool(true),
			})
			for paginator.HasMorePages() {
				page, err := paginator.NextPage(ctx)
				if err != nil {
					failures[segment] = err
					return
				}
				for _, item := range page.Items {
					title := item["title"].(*types.AttributeValueMemberS)
					results[segment] = append(results[segment], title.Value)
				}
			}
		}(segment)
	}
	group.Wait()
	found := []string{}
	for segment := range results {
		must(t, failures[segment])
		found = append(found, results[segment]...)
	}
	sort.Strings(found)
	equal(t, found, numbered(0, 60, 1))
	counted, err := client.Scan(ctx, &dynamodb.ScanInput{
		TableName: &table, Select: types.SelectCount, ConsistentRead: aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	must(t, err)
	equal(t, counted.Count, 60)
	equal(t, *counted.ConsumedCapacity.TableName, table)
}
