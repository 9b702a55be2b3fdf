package clients

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// song is an item with a field of every kind that the SDK can map.
type song struct {
	Artist  string                  `dynamodbav:"artist"`
	Title   string                  `dynamodbav:"title"`
	Genre   string                  `dynamodbav:"genre,omitempty"`
	Year    int                     `dynamodbav:"year,omitempty"`
	Length  float64                 `dynamodbav:"length,omitempty"`
	Live    bool                    `dynamodbav:"live"`
	Cover   []byte                  `dynamodbav:"cover,omitempty"`
	Tags    []string                `dynamodbav:"tags,stringset,omitempty"`
	Charts  []int                   `dynamodbav:"charts,numberset,omitempty"`
	Verses  []string                `dynamodbav:"verses,omitempty"`
	Credits map[string]interface{}  `dynamodbav:"credits,omitempty"`
	Note    *string                 `dynamodbav:"note"`
	Expires attributevalue.UnixTime `dynamodbav:"expires,omitempty"`
}

func songKey(artist, title string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"artist": &types.AttributeValueMemberS{Value: artist},
		"title":  &types.AttributeValueMemberS{Value: title},
	}
}

func putSong(t *testing.T, client *dynamodb.Client, table string, one song) {
	t.Helper()
	item, err := attributevalue.MarshalMap(one)
	must(t, err)
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
	must(t, err)
}

func getSong(
	t *testing.T, client *dynamodb.Client, table, artist, title string, consistent bool,
) (found song, ok bool) {
	t.Helper()
	answer, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: songKey(artist, title), ConsistentRead: &consistent,
	})
	must(t, err)
	must(t, attributevalue.UnmarshalMap(answer.Item, &found))
	return found, answer.Item != nil
}

func TestItemsKeepTheirTypes(t *testing.T) {
	client := newClient(t, virginia)
	table := newTable(t, client, "types")
	written := song{
		Artist: "Ålesund", Title: "日本 \u0000 \"quoted\"", Genre: "folk", Year: 1999,
		Length: 3.25, Live: true, Cover: []byte{0, 255, 10}, Tags: []string{"a", "b"},
		Charts: []int{1, 40}, Verses: []string{"first", ""},
		Credits: map[string]interface{}{"mix": "ann", "takes": 3.0, "cuts": []interface{}{true}},
		Expires: attributevalue.UnixTime(time.Unix(4_000_000_000, 0)),
	}
	putSong(t, client, table, written)
	found, ok := getSong(t, client, table, written.Artist, written.Title, true)
	equal(t, ok, true)
	equal(t, time.Time(found.Expires).Unix(), 4_000_000_000)
	found.Expires = written.Expires
	equal(t, fmt.Sprintf("%+v", found), fmt.Sprintf("%+v", written))
	deleted, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &table, Key: songKey(written.Artist, written.Title),
		ReturnValues: types.ReturnValueAllOld,
	})
	must(t, err)
	var old song
	must(t, attributevalue.UnmarshalMap(deleted.Attributes, &old))
	equal(t, old.Year, 1999)
	_, ok = getSong(t, client, table, written.Artist, written.Title, true)
	equal(t, ok, false)
}

func TestFailedConditionsAreTyped(t *testing.T) {
	client := newClient(t, virginia)
	table := newTable(t, client, "conditions")
	putSong(t, client, table, song{Artist: "a", Title: "b", Year: 1})
	built, err := expression.NewBuilder().
		WithCondition(expression.AttributeNotExists(expression.Name("artist"))).Build()
	must(t, err)
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &table, Item: songKey("a", "b"), ConditionExpression: built.Condition(),
		ExpressionAttributeNames: built.Names(),
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		t.Fatalf("the condition held: %v", err)
	}
	equal(t, failed.ErrorMessage(), "The conditional request failed")
	found, _ := getSong(t, client, table, "a", "b", true)
	equal(t, found.Year, 1)
}

func TestBuiltUpdates(t *testing.T) {
	client := newClient(t, virginia)
	table := newTable(t, client, "updates")
	putSong(t, client, table, song{
		Artist: "a", Title: "b", Year: 1, Tags: []string{"x", "y"}, Verses: []string{"one"},
		Genre: "folk",
	})
	name, value := expression.Name, expression.Value
	built, err := expression.NewBuilder().
		WithUpdate(expression.
			Set(name("year"), name("year").Plus(value(10))).
			Set(name("length"), name("length").IfNotExists(value(2.5))).
			Set(name("verses"), name("verses").ListAppend(value([]string{"two"}))).
			Delete(name("tags"), value(&types.AttributeValueMemberSS{Value: []string{"x"}})).
			Add(name("charts"), value(&types.AttributeValueMemberNS{Value: []string{"7"}})).
			Remove(name("genre"))).
		WithCondition(expression.And(
			name("year").Between(value(0), value(5)),
			name("genre").In(value("rock"), value("folk")),
			expression.Not(name("title").BeginsWith("z")),
			expression.Or(name("tags").Contains("y"), name("live").Equal(value(true))),
			name("title").Size().LessThan(value(2)))).
		Build()
	must(t, err)
	update := &dynamodb.UpdateItemInput{
		TableName: &table, Key: songKey("a", "b"), UpdateExpression: built.Update(),
		ConditionExpression:       built.Condition(),
		ExpressionAttributeNames:  built.Names(),
		ExpressionAttributeValues: built.Values(),
		ReturnValues:              types.ReturnValueAllNew,
	}
	answer, err := client.UpdateItem(ctx, update)
	must(t, err)
	var changed song
	must(t, attributevalue.UnmarshalMap(answer.Attributes, &changed))
	equal(t, changed.Year, 11)
	equal(t, changed.Length, 2.5)
	equal(t, changed.Verses, []string{"one", "two"})
	equal(t, changed.Tags, []string{"y"})
	equal(t, changed.Charts, []int{7})
	equal(t, changed.Genre, "")
	var failed *types.ConditionalCheckFailedException
	if _, err = client.UpdateItem(ctx, update); !errors.As(err, &failed) {
		t.Fatalf("the condition held twice: %v", err)
	}
}

func TestBatches(t *testing.T) {
	client := newClient(t, tokyo)
	table := newTable(t, client, "batches")
	writeSongs(t, client, table, 60)
	keys := []map[string]types.AttributeValue{}
	for n := 0; n < 80; n++ {
		keys = append(keys, songKey("band", fmt.Sprintf("%03d", n)))
	}
	found := 0
	wanted := map[string]types.KeysAndAttributes{
		table: {Keys: keys, ConsistentRead: aws.Bool(true)},
	}
	for len(wanted) > 0 {
		answer, err := client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: wanted})
		must(t, err)
		found += len(answer.Responses[table])
		wanted = answer.UnprocessedKeys
	}
	equal(t, found, 60)
}

// writeSongs writes songs of one band in batches, goes on with what is unprocessed.
func writeSongs(t *testing.T, client *dynamodb.Client, table string, count int) {
	t.Helper()
	requests := []types.WriteRequest{}
	for n := 0; n < count; n++ {
		genre := "folk"
		if n%3 == 0 {
			genre = "rock"
		}
		item, err := attributevalue.MarshalMap(song{
			Artist: "band", Title: fmt.Sprintf("%03d", n), Genre: genre, Year: 1900 + n,
		})
		must(t, err)
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for len(requests) > 0 {
		size := len(requests)
		if size > 25 {
			size = 25
		}
		answer, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{table: requests[:size]},
		})
		must(t, err)
		requests = append(requests[size:], answer.UnprocessedItems[table]...)
	}
}
