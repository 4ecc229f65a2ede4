"""Drives a server with the official Python client: write, read, subscribe, filters, wrong revisions, deletion.

Takes the connection string. Ends with 0 if the server behaved as the client expects of a real one.
"""

import sys
import time
import uuid

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import NotFoundError, StreamIsDeletedError, WrongCurrentVersionError

client = KurrentDBClient(sys.argv[1])
run = f"py{time.time_ns()}"


def event(name, kind="Tested"):
    return NewEvent(type=kind, data=name.encode(), metadata=b'{"by":"python"}', id=uuid.uuid4(), content_type="application/octet-stream")


def refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


stream = f"{run}-a"
refused(NotFoundError, lambda: client.get_stream(stream))
first = [event("1"), event("2")]
position = client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=first)
assert client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=first) == position, "a repetition is told the same"
refused(WrongCurrentVersionError, lambda: client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=[event("x")]))
refused(WrongCurrentVersionError, lambda: client.append_to_stream(stream, current_version=7, events=[event("x")]))
refused(WrongCurrentVersionError, lambda: client.append_to_stream(f"{run}-none", current_version=StreamState.EXISTS, events=[event("x")]))
client.append_to_stream(stream, current_version=1, events=[event("3")])
client.append_to_stream(stream, current_version=StreamState.ANY, events=[event("4")])

events = client.get_stream(stream)
assert [recorded.data for recorded in events] == [b"1", b"2", b"3", b"4"], events
assert [recorded.stream_position for recorded in events] == [0, 1, 2, 3]
assert events[0].id == first[0].id and events[0].metadata == b'{"by":"python"}' and events[0].type == "Tested"
assert [recorded.data for recorded in client.get_stream(stream, backwards=True, limit=2)] == [b"4", b"3"]
assert [recorded.data for recorded in client.get_stream(stream, stream_position=2)] == [b"3", b"4"]
assert client.get_current_version(stream) == 3
assert client.get_commit_position() >= position

client.append_to_stream(f"{run}-b", current_version=StreamState.NO_STREAM, events=[event("b", "Other")])
everything = list(client.read_all(filter_exclude=[]))
assert everything[0].type.startswith("$"), "the server's own events come first"
positions = [recorded.commit_position for recorded in everything]
assert positions == sorted(set(positions)), "positions rise"
by_name = client.read_all(filter_include=[f"{run}-.*"], filter_by_stream_name=True)
assert [recorded.data for recorded in by_name] == [b"1", b"2", b"3", b"4", b"b"]
by_type = client.read_all(commit_position=position, filter_include=["Other"])
assert [recorded.data for recorded in by_type if recorded.stream_name.startswith(run)] == [b"b"]
newest = next(iter(client.read_all(backwards=True, limit=1)))
assert newest.data == b"b", newest

subscription = client.subscribe_to_all(filter_include=[f"{run}-.*"], filter_by_stream_name=True, include_checkpoints=False)
seen = [next(subscription).data for _ in range(5)]
assert seen == [b"1", b"2", b"3", b"4", b"b"], seen
client.append_to_stream(f"{run}-c", current_version=StreamState.NO_STREAM, events=[event("live")])
assert next(subscription).data == b"live"
subscription.stop()
of_one = client.subscribe_to_stream(stream, stream_position=1)
assert [next(of_one).data for _ in range(2)] == [b"3", b"4"]
of_one.stop()

refused(WrongCurrentVersionError, lambda: client.delete_stream(stream, current_version=1))
client.delete_stream(stream, current_version=3)
refused(NotFoundError, lambda: client.get_stream(stream))
client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=[event("after")])
assert [(recorded.stream_position, recorded.data) for recorded in client.get_stream(stream)] == [(4, b"after")]
client.tombstone_stream(f"{run}-b", current_version=StreamState.ANY)
refused(StreamIsDeletedError, lambda: client.get_stream(f"{run}-b"))
refused(StreamIsDeletedError, lambda: client.append_to_stream(f"{run}-b", current_version=StreamState.ANY, events=[event("x")]))
client.close()
print("the Python client is content")
