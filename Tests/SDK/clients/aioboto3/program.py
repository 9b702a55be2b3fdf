"""aioboto3 as a program uses it. Run by test_clients_aioboto3.py, in .venv-aioboto3.

    program.py            names the checks
    program.py CHECK      runs one; the endpoint comes from the environment
"""
import asyncio
import contextlib
import decimal
import sys
import uuid

import aioboto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError, WaiterError

US, EU, AP = "us-east-1", "eu-west-1", "ap-northeast-1"
QUICK = {"Delay": 0.05, "MaxAttempts": 400}
session = aioboto3.Session()


def client(region=US):
    return session.client("dynamodb", region_name=region)


async def create(dynamodb, name):
    table = await dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"},
                   {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"},
                              {"AttributeName": "sk", "AttributeType": "N"}])
    await table.wait_until_exists(WaiterConfig=QUICK)
    return table


@contextlib.asynccontextmanager
async def new_table(region=US):
    """A table through the resource, for one check."""
    async with session.resource("dynamodb", region_name=region) as dynamodb:
        table = await create(dynamodb, f"aio-{uuid.uuid4().hex[:8]}")
        yield table
        await until(lambda: is_deleted(table.meta.client, table.name), "the deletion")
        await table.wait_until_not_exists(WaiterConfig=QUICK)


async def until(condition, what):
    """Polls a coroutine function until it gives something true."""
    deadline = asyncio.get_running_loop().time() + 30
    while not (value := await condition()):
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not come true"
        # The poll interval of a condition, not a wait for time to pass.
        await asyncio.sleep(0.02)
    return value


async def is_deleted(dynamodb, name):
    """Asks again while the region still hears of the changes of others."""
    try:
        return await dynamodb.delete_table(TableName=name)
    except dynamodb.exceptions.ResourceInUseException:
        return None


async def resource():
    """Items and conditions through a Table."""
    async with new_table() as table:
        await table.load()
        assert await table.table_status == "ACTIVE"
        key = {"pk": "one", "sk": decimal.Decimal("1.5")}
        item = {**key, "tags": {"a", "b"}, "raw": b"\x00\xff", "deep": [{"er": None}, True, ""]}
        await table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
        found = await table.get_item(Key=key, ConsistentRead=True)
        assert found["Item"] == item
        changed = await table.update_item(
            Key=key, UpdateExpression="SET hits = if_not_exists(hits, :zero) + :one",
            ExpressionAttributeValues={":zero": 0, ":one": 1}, ReturnValues="UPDATED_NEW")
        assert changed["Attributes"] == {"hits": 1}
        failed = table.meta.client.exceptions.ConditionalCheckFailedException
        try:
            await table.delete_item(Key=key, ConditionExpression=Attr("hits").gt(1))
            raise AssertionError("the condition held")
        except failed as error:
            assert error.response["Error"]["Message"] == "The conditional request failed"
        async with table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for n in range(60):
                await batch.put_item(Item={"pk": "many", "sk": n, "even": n % 2 == 0})
                await batch.put_item(Item={"pk": "many", "sk": n, "even": n % 2 == 0})
            await batch.delete_item(Key={"pk": "many", "sk": 0})
        found = await table.query(
            KeyConditionExpression=Key("pk").eq("many") & Key("sk").lt(10),
            FilterExpression=Attr("even").eq(True), ConsistentRead=True)
        assert [item["sk"] for item in found["Items"]] == [2, 4, 6, 8]


async def concurrent():
    """Two hundred updates at once, of which each counts, and as many reads."""
    async with new_table() as table, client() as dynamodb:
        key = {"pk": {"S": "counter"}, "sk": {"N": "0"}}

        async def add(n):
            answer = await dynamodb.update_item(
                TableName=table.name, Key=key, UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="UPDATED_NEW")
            return int(answer["Attributes"]["hits"]["N"])

        async def write_and_read(n):
            own = {"pk": {"S": f"own-{n}"}, "sk": {"N": str(n)}}
            await dynamodb.put_item(TableName=table.name, Item={**own, "v": {"S": "x" * n}})
            answer = await dynamodb.get_item(
                TableName=table.name, Key=own, ConsistentRead=True)
            return len(answer["Item"]["v"]["S"])

        hits = asyncio.gather(*(add(n) for n in range(200)))
        sizes = asyncio.gather(*(write_and_read(n) for n in range(200)))
        assert sorted(await hits) == list(range(1, 201))
        assert await sizes == list(range(200))


async def paginators():
    """Pages of queries, scans and table names, and resuming."""
    async with new_table(AP) as table, client(AP) as dynamodb:
        async with table.batch_writer() as batch:
            for n in range(100):
                await batch.put_item(Item={"pk": "p" if n < 90 else f"p{n}", "sk": n})
        asked = {
            "TableName": table.name, "KeyConditionExpression": "pk = :p", "ConsistentRead": True,
            "ExpressionAttributeValues": {":p": {"S": "p"}},
        }
        found, pages = [], 0
        async for page in dynamodb.get_paginator("query").paginate(
            **asked, PaginationConfig={"PageSize": 40}
        ):
            found += [int(item["sk"]["N"]) for item in page["Items"]]
            pages += 1
        assert found == list(range(90)) and pages == 3
        first = await dynamodb.get_paginator("query").paginate(
            **asked, PaginationConfig={"PageSize": 7, "MaxItems": 50}).build_full_result()
        rest = await dynamodb.get_paginator("query").paginate(**asked, PaginationConfig={
            "PageSize": 7, "StartingToken": first["NextToken"]}).build_full_result()
        assert [len(first["Items"]), len(rest["Items"])] == [50, 40]
        counted = [
            page["Count"] async for page in dynamodb.get_paginator("scan").paginate(
                TableName=table.name, Select="COUNT", ConsistentRead=True,
                PaginationConfig={"PageSize": 30})
        ]
        assert sum(counted) == 100
        names = [
            name async for page in dynamodb.get_paginator("list_tables").paginate(
                PaginationConfig={"PageSize": 1}) for name in page["TableNames"]
        ]
        assert table.name in names and names == sorted(names)


async def waiters():
    """What waiters wait for, and what they give up."""
    async with new_table() as table, client() as dynamodb:
        await dynamodb.get_waiter("table_exists").wait(TableName=table.name)
        never = f"never-{uuid.uuid4().hex[:8]}"
        await dynamodb.get_waiter("table_not_exists").wait(TableName=never)
        try:
            await dynamodb.get_waiter("table_exists").wait(
                TableName=never, WaiterConfig={"Delay": 0.01, "MaxAttempts": 3})
            raise AssertionError("the table exists")
        except WaiterError as error:
            assert "Max attempts exceeded" in str(error)


async def regions():
    """A write in each region is read in the others."""
    async with contextlib.AsyncExitStack() as stack:
        by_region = {
            region: await stack.enter_async_context(client(region)) for region in (US, EU, AP)}
        table = await stack.enter_async_context(new_table())
        for region in (EU, AP):
            await by_region[US].update_table(
                TableName=table.name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
            await by_region[US].get_waiter("table_exists").wait(
                TableName=table.name, WaiterConfig=QUICK)
        # `table_exists` may come true before the last region has heard of it.
        for region in (EU, AP):
            await by_region[region].get_waiter("table_exists").wait(
                TableName=table.name, WaiterConfig=QUICK)
        await asyncio.gather(*(
            dynamodb.put_item(
                TableName=table.name, Item={"pk": {"S": region}, "sk": {"N": "1"}})
            for region, dynamodb in by_region.items()))

        async def has_all(dynamodb):
            answer = await dynamodb.scan(TableName=table.name)
            return {item["pk"]["S"] for item in answer["Items"]} == {US, EU, AP}

        await asyncio.gather(*(
            until(lambda dynamodb=dynamodb: has_all(dynamodb), f"all items in {region}")
            for region, dynamodb in by_region.items()))
        for region in (EU, AP):
            dynamodb = by_region[region]
            await until(lambda: is_deleted(dynamodb, table.name), f"the deletion in {region}")
            await dynamodb.get_waiter("table_not_exists").wait(
                TableName=table.name, WaiterConfig=QUICK)
        await by_region[US].get_waiter("table_exists").wait(
            TableName=table.name, WaiterConfig=QUICK)


async def errors():
    """Errors of the service by code, of calls that run at once."""
    async with client(EU) as dynamodb:
        key = {"pk": {"S": "a"}, "sk": {"N": "1"}}
        calls = [
            dynamodb.get_item(TableName="nowhere", Key=key),
            dynamodb.list_backups(),
            dynamodb.get_item(TableName="nowhere", Key=key, ProjectionExpression="a,"),
        ]
        codes = [
            error.response["Error"]["Code"]
            for error in await asyncio.gather(*calls, return_exceptions=True)
            if isinstance(error, ClientError)
        ]
        assert codes == [
            "ResourceNotFoundException", "UnknownOperationException", "ValidationException",
        ], codes


CHECKS = {
    check.__name__: check
    for check in (resource, concurrent, paginators, waiters, regions, errors)
}

if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(*CHECKS, sep="\n")
    else:
        asyncio.run(CHECKS[sys.argv[1]]())
