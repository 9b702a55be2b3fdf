"""PynamoDB: models, indexes, conditions, batches, versions and expiry."""
import datetime
import threading

import pytest
from pynamodb.attributes import (
    BinaryAttribute, BooleanAttribute, DiscriminatorAttribute, JSONAttribute, ListAttribute,
    MapAttribute, NullAttribute, NumberAttribute, NumberSetAttribute, TTLAttribute,
    UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute, VersionAttribute,
)
from pynamodb.exceptions import (
    DeleteError, DoesNotExist, PutError, QueryError, TableDoesNotExist, UpdateError,
)
from pynamodb.indexes import (
    AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection,
    LocalSecondaryIndex,
)
from pynamodb.models import Model

from conftest import unique, wait_until

US, EU, AP = "us-east-1", "eu-west-1", "ap-northeast-1"


class ViewIndex(GlobalSecondaryIndex):
    class Meta:
        projection = AllProjection()

    category = UnicodeAttribute(hash_key=True)
    views = NumberAttribute(range_key=True)


class AuthorIndex(GlobalSecondaryIndex):
    class Meta:
        projection = KeysOnlyProjection()

    author = UnicodeAttribute(hash_key=True)


class DateIndex(LocalSecondaryIndex):
    class Meta:
        projection = IncludeProjection(["views"])

    forum = UnicodeAttribute(hash_key=True)
    posted = UTCDateTimeAttribute(range_key=True)


class Place(MapAttribute):
    city = UnicodeAttribute()
    point = NumberSetAttribute(null=True)


class Thread(Model):
    """A forum's threads; the fixture completes `Meta`."""

    class Meta:
        table_name = ""
        billing_mode = "PAY_PER_REQUEST"
        tags = {"team": "islands"}

    forum = UnicodeAttribute(hash_key=True)
    subject = UnicodeAttribute(range_key=True)
    category = UnicodeAttribute(default="none")
    author = UnicodeAttribute(null=True)
    views = NumberAttribute(default=0)
    score = NumberAttribute(null=True)
    posted = UTCDateTimeAttribute(null=True)
    open = BooleanAttribute(default=True)
    words = UnicodeSetAttribute(null=True)
    marks = NumberSetAttribute(null=True)
    picture = BinaryAttribute(null=True, legacy_encoding=False)
    extra = JSONAttribute(null=True)
    nothing = NullAttribute(null=True)
    replies = ListAttribute(default=list)
    place = Place(null=True)
    places = ListAttribute(of=Place, null=True)
    expires = TTLAttribute(null=True)
    by_views = ViewIndex()
    by_author = AuthorIndex()
    by_date = DateIndex()


class Account(Model):
    """Optimistic locking by a version."""

    class Meta:
        table_name = ""
        read_capacity_units = 5
        write_capacity_units = 5

    id = NumberAttribute(hash_key=True)
    balance = NumberAttribute(default=0)
    version = VersionAttribute()


class Shape(Model):
    """Several kinds of items in one table."""

    class Meta:
        table_name = ""
        billing_mode = "PAY_PER_REQUEST"

    id = UnicodeAttribute(hash_key=True)
    kind = DiscriminatorAttribute()


class Circle(Shape, discriminator="circle"):
    radius = NumberAttribute()


class Box(Shape, discriminator="box"):
    width = NumberAttribute()
    height = NumberAttribute()


def settle(model, cluster, region=US, **more):
    """Completes a model's settings, as a program does from its configuration."""
    model.Meta.region, model.Meta.host = region, cluster.endpoint
    model.Meta.aws_access_key_id = model.Meta.aws_secret_access_key = "local"
    for name, value in more.items():
        setattr(model.Meta, name, value)


def create(model):
    """Makes a model's table, and awaits it without the two seconds' pauses of `wait`."""
    assert not model.exists()
    model.create_table(ignore_update_ttl_errors=True)
    wait_until(lambda: model.describe_table()["TableStatus"] == "ACTIVE")
    model.create_table(wait=True)
    assert model.exists()


@pytest.fixture(scope="module", autouse=True)
def tables(three_regions):
    shapes = unique("shapes")
    settle(Thread, three_regions, table_name=unique("threads"))
    settle(Account, three_regions, table_name=unique("accounts"))
    for model in (Shape, Circle, Box):
        settle(model, three_regions, table_name=shapes)
    for model in (Thread, Account, Shape):
        create(model)


def read(model, *key):
    """A strongly consistent read."""
    return model.get(*key, consistent_read=True)


def test_a_model_makes_its_table():
    table = Thread.describe_table()
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["forum", "subject"]
    indexes = table["GlobalSecondaryIndexes"]
    assert {index["IndexName"] for index in indexes} == {"by_views", "by_author"}
    local = table["LocalSecondaryIndexes"][0]
    assert local["IndexName"] == "by_date"
    assert local["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["views"]}
    connection = Thread._get_connection().connection
    assert Thread.Meta.table_name in connection.list_tables()["TableNames"]
    expected = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    wait_until(lambda: connection.client.describe_time_to_live(
        TableName=Thread.Meta.table_name)["TimeToLiveDescription"] == expected)
    tags = connection.client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "islands"}]


def test_every_attribute_comes_back_as_it_went():
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=123456)
    expiry = (now + datetime.timedelta(hours=1)).replace(microsecond=0)
    saved = Thread(
        "types", "all", author="ann", views=3, score=1.25, posted=now, open=False,
        words={"x", "y"}, marks={1, 2}, picture=b"\x00\xff", extra={"deep": [1, {"er": None}]},
        replies=["one", 2, True, {"a": "map"}], place=Place(city="Ålesund", point={62, 6}),
        places=[Place(city="Rome"), Place(city="Kyoto")], expires=expiry,
    )
    saved.save()
    found = read(Thread, "types", "all")
    assert found.attribute_values.keys() == saved.attribute_values.keys()
    for name in ("author", "views", "score", "posted", "open", "words", "marks", "picture",
                 "extra", "replies", "expires"):
        assert getattr(found, name) == getattr(saved, name), name
    assert found.place.city == "Ålesund" and found.place.point == {62, 6}
    assert [one.city for one in found.places] == ["Rome", "Kyoto"]
    found.delete()
    with pytest.raises(DoesNotExist):
        read(Thread, "types", "all")


def test_conditions_of_writes():
    thread = Thread("conditions", "1", views=1)
    thread.save(condition=Thread.forum.does_not_exist())
    with pytest.raises(PutError) as caught:
        thread.save(condition=Thread.forum.does_not_exist())
    assert caught.value.cause_response_code == "ConditionalCheckFailedException"
    assert caught.value.cause_response_message == "The conditional request failed"
    thread.save(condition=(Thread.views == 1) & Thread.author.does_not_exist())
    with pytest.raises(UpdateError):
        thread.update(actions=[Thread.views.set(9)],
                      condition=(Thread.views > 1) | Thread.subject.startswith("2"))
    with pytest.raises(DeleteError):
        thread.delete(condition=~Thread.views.between(0, 5))
    with pytest.raises(PutError, match="Item size has exceeded"):
        Thread("conditions", "large", author="x" * 410_000).save()
    thread.delete(condition=Thread.views.is_in(1, 2))


def test_updates():
    thread = Thread("updates", "1", views=5, words={"a", "b"}, replies=["old"])
    thread.save()
    thread.update(actions=[
        Thread.views.set(Thread.views + 10),
        Thread.score.set(Thread.score | 7),
        Thread.replies.set(Thread.replies.append(["last"])),
        Thread.words.add({"c"}),
        Thread.marks.add({1}),
        Thread.author.set("bob"),
        Thread.open.remove(),
    ])
    # The model takes over what the service answers (ALL_NEW).
    assert thread.views == 15 and thread.score == 7 and thread.words == {"a", "b", "c"}
    thread.update(actions=[
        Thread.replies.set(Thread.replies.prepend(["first"])), Thread.words.delete({"a"}),
        Thread.views.add(-5),
        Thread.place.set(Place(city="Oslo")),
    ])
    thread.update(actions=[
        Thread.place.city.set("Bergen"), Thread.marks.remove(), Thread.replies[1].set("older"),
    ])
    thread.refresh(consistent_read=True)
    assert thread.replies == ["first", "older", "last"]
    assert thread.words == {"b", "c"} and thread.views == 10
    assert thread.place.city == "Bergen" and thread.marks is None and thread.author == "bob"


@pytest.fixture(scope="module")
def posts():
    """Sixty threads of one forum, written in batches."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    with Thread.batch_write() as batch:
        for n in range(70):
            batch.save(Thread(
                "posts", f"{n:03}", category="odd" if n % 2 else "even", views=n,
                author=f"writer-{n % 3}", posted=start + datetime.timedelta(days=100 - n)))
    with Thread.batch_write() as batch:
        for n in range(60, 70):
            batch.delete(Thread("posts", f"{n:03}"))
    wait_until(lambda: Thread.by_views.count("odd") == 30, what="the index")
    wait_until(lambda: Thread.by_author.count("writer-1") == 20, what="the index")


def subjects(found):
    return [int(thread.subject) for thread in found]


def test_queries(posts):
    def query(condition=None, **options):
        return Thread.query("posts", condition, consistent_read=True, **options)

    assert subjects(query(page_size=7)) == list(range(60))
    assert subjects(query(scan_index_forward=False, limit=3)) == [59, 58, 57]
    assert subjects(query(Thread.subject < "003")) == [0, 1, 2]
    assert subjects(query(Thread.subject >= "057")) == [57, 58, 59]
    assert subjects(query(Thread.subject.between("010", "012"))) == [10, 11, 12]
    assert subjects(query(Thread.subject.startswith("04"))) == list(range(40, 50))
    assert subjects(query(Thread.subject == "005")) == [5]
    found = query(filter_condition=(Thread.views > 50) & (Thread.category == "odd"), page_size=10)
    assert subjects(found) == [51, 53, 55, 57, 59] and found.total_count == 5
    assert Thread.count("posts", consistent_read=True) == 60
    assert Thread.count(
        "posts", Thread.subject < "030", filter_condition=Thread.author.contains("-2"),
        consistent_read=True) == 10
    picked = list(query(attributes_to_get=["subject"], limit=1))
    assert picked[0].attribute_values.keys() <= {"subject", "category", "views", "open", "replies"}
    with pytest.raises(QueryError):
        list(Thread.query("posts", Thread.subject == ""))


def test_pages_go_on_from_a_key(posts):
    seen, key = [], None
    while True:
        page = Thread.query("posts", limit=25, page_size=10, last_evaluated_key=key,
                            consistent_read=True)
        seen += subjects(page)
        key = page.last_evaluated_key
        if key is None:
            break
    assert seen == list(range(60))


def test_indexes(posts):
    found = Thread.by_views.query(
        "odd", ViewIndex.views >= 41, scan_index_forward=False, page_size=4)
    assert subjects(found) == list(range(59, 40, -2))
    # An index of keys only: the model has keys, and defaults for the rest.
    keys = next(iter(Thread.by_author.query("writer-2", limit=1)))
    assert keys.forum == "posts" and keys.author == "writer-2" and keys.posted is None
    assert subjects(Thread.by_date.query("posts", limit=3, consistent_read=True)) == [59, 58, 57]
    start = datetime.datetime(2026, 4, 1, tzinfo=datetime.timezone.utc)
    late = Thread.by_date.query("posts", Thread.posted > start, consistent_read=True)
    assert subjects(late) == list(range(9, -1, -1))
    assert Thread.by_date.count("posts", consistent_read=True) == 60
    assert Thread.by_views.count("even", ViewIndex.views < 10) == 5
    scanned = Thread.by_views.scan(Thread.forum == "posts", page_size=13)
    assert sorted(subjects(scanned)) == list(range(60))


def test_scans_and_batch_gets(posts):
    scanned = Thread.scan(
        (Thread.forum == "posts") & (Thread.views < 10), page_size=9, consistent_read=True)
    assert sorted(subjects(scanned)) == list(range(10))
    parts = [subjects(Thread.scan(Thread.forum == "posts", segment=n, total_segments=3,
                                  consistent_read=True)) for n in range(3)]
    assert sorted(sum(parts, [])) == list(range(60))
    keys = [("posts", f"{n:03}") for n in range(150)]
    found = list(Thread.batch_get(keys, consistent_read=True, attributes_to_get=["subject"]))
    assert sorted(subjects(found)) == list(range(60))


def test_a_version_guards_against_lost_updates():
    Account(1, balance=100).save()
    mine, theirs = read(Account, 1), read(Account, 1)
    assert mine.version == 1
    theirs.update(actions=[Account.balance.set(Account.balance - 30)])
    assert theirs.version == 2 and theirs.balance == 70
    mine.balance = 0
    with pytest.raises(PutError) as caught:
        mine.save()
    assert caught.value.cause_response_code == "ConditionalCheckFailedException"
    with pytest.raises(DeleteError):
        mine.delete()
    mine.refresh(consistent_read=True)
    assert (mine.version, mine.balance) == (2, 70)
    mine.save()
    assert read(Account, 1).version == 3
    mine.delete()
    with pytest.raises(DoesNotExist):
        read(Account, 1)


def test_threads_with_versions_lose_nothing():
    Account(2).save()

    def deposit():
        for _ in range(10):
            while True:
                account = read(Account, 2)
                account.balance += 1
                try:
                    account.save()
                    break
                except PutError as error:
                    if error.cause_response_code != "ConditionalCheckFailedException":
                        raise

    errors = []

    def guarded():
        try:
            deposit()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    account = read(Account, 2)
    assert (account.balance, account.version) == (40, 41)


def test_kinds_share_a_table():
    Circle("c", radius=2).save()
    Box("b", width=3, height=4).save()
    assert isinstance(read(Shape, "c"), Circle) and read(Shape, "b").height == 4
    assert [one.id for one in Circle.scan(consistent_read=True)] == ["c"]
    assert {type(one) for one in Shape.scan(consistent_read=True)} == {Circle, Box}


def note(cluster, name, region):
    """The model of one region; a model keeps its connection, so each region has its own."""
    class Note(Model):
        class Meta:
            table_name = name
            billing_mode = "PAY_PER_REQUEST"

        id = UnicodeAttribute(hash_key=True)
        text = UnicodeAttribute(null=True)

    settle(Note, cluster, region)
    return Note


def test_a_global_table(three_regions):
    name = unique("worldwide")
    near, far = note(three_regions, name, US), note(three_regions, name, EU)
    create(near)
    assert not far.exists()
    near._get_connection().connection.client.update_table(
        TableName=name, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    three_regions.wait_for_replica(name, US, EU)
    near("1", text="hello").save()
    wait_until(lambda: [found.text for found in far.scan()] == ["hello"])
    far.get("1").update(actions=[far.text.set("and back")])
    wait_until(lambda: near.get("1").text == "and back")
    far.get("1").delete()
    wait_until(lambda: near.count("1") == 0)


def test_a_table_is_deleted(three_regions):
    model = note(three_regions, unique("gone"), AP)
    with pytest.raises(PutError) as caught:
        model("1").save()
    assert caught.value.cause_response_code == "ResourceNotFoundException"
    with pytest.raises(TableDoesNotExist):
        model.describe_table()
    create(model)
    model("1").save()
    model.delete_table()
    wait_until(lambda: not model.exists())
    model.create_table(ignore_update_ttl_errors=True)
    wait_until(lambda: model.describe_table()["TableStatus"] == "ACTIVE")
    assert model.count("1") == 0
