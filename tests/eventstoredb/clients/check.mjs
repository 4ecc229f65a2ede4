// Drives a server with the official Node client: write, read, subscribe, filters, wrong revisions, deletion.
// Takes the connection string. Ends with 0 if the server behaved as the client expects of a real one.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

// The client lies in the folder where this is run, not beside this file.
const require = createRequire(path.join(process.cwd(), "index.js"));
const {
  EventStoreDBClient, jsonEvent, binaryEvent, streamNameFilter, eventTypeFilter, excludeSystemEvents,
  NO_STREAM, ANY, STREAM_EXISTS, START, END, BACKWARDS, FORWARDS,
  WrongExpectedVersionError, StreamNotFoundError, StreamDeletedError,
} = require("@eventstore/db-client");

const client = EventStoreDBClient.connectionString(process.argv[2]);
const run = `js${Date.now()}`;
const stream = `${run}-a`;
const event = (name, type = "Tested") => jsonEvent({ type, data: { name }, metadata: { by: "node" } });
const names = async (reading) => {
  const found = [];
  for await (const { event } of reading) found.push(event.data.name);
  return found;
};

await assert.rejects(names(client.readStream(stream)), StreamNotFoundError);
const first = [event("1"), event("2")];
const written = await client.appendToStream(stream, first, { expectedRevision: NO_STREAM });
assert.equal(written.nextExpectedRevision, 1n);
const again = await client.appendToStream(stream, first, { expectedRevision: NO_STREAM });
assert.equal(again.position.commit, written.position.commit, "a repetition is told the same");
for (const expectedRevision of [NO_STREAM, 7n]) {
  await assert.rejects(client.appendToStream(stream, [event("x")], { expectedRevision }), WrongExpectedVersionError);
}
await assert.rejects(
  client.appendToStream(`${run}-none`, [event("x")], { expectedRevision: STREAM_EXISTS }), WrongExpectedVersionError,
);
await client.appendToStream(stream, [event("3")], { expectedRevision: 1n });
await client.appendToStream(stream, [event("4")], { expectedRevision: ANY });
assert.deepEqual(await names(client.readStream(stream)), ["1", "2", "3", "4"]);
assert.deepEqual(
  await names(client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 2 })), ["4", "3"],
);
assert.deepEqual(await names(client.readStream(stream, { fromRevision: 2n })), ["3", "4"]);

const bytes = Uint8Array.from([0, 255, 10, 128]);
await client.appendToStream(`${run}-bytes`, [binaryEvent({ type: "Bytes", data: bytes })], { expectedRevision: NO_STREAM });
for await (const { event } of client.readStream(`${run}-bytes`)) {
  assert.deepEqual([...event.data], [...bytes]);
  assert.equal(event.isJson, false);
}

await client.appendToStream(`${run}-b`, [event("b", "Other")], { expectedRevision: NO_STREAM });
const types = [];
for await (const { event } of client.readAll({ direction: FORWARDS, fromPosition: START, maxCount: 1000 })) types.push(event.type);
assert.ok(types[0].startsWith("$"), "the server's own events come first");
for await (const { event } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })) {
  assert.equal(event.data.name, "b");
}

const followed = async (filter, count, meanwhile = async () => {}) => {
  const subscription = client.subscribeToAll({ fromPosition: START, filter });
  const seen = [];
  for await (const { event } of subscription) {
    if (event.streamId.startsWith(run)) seen.push(event.data.name);
    if (seen.length === count - 1) await meanwhile();
    if (seen.length === count) break;
  }
  await subscription.unsubscribe();
  return seen;
};
assert.deepEqual(
  await followed(streamNameFilter({ prefixes: [stream] }), 5, () => client.appendToStream(stream, [event("live")])),
  ["1", "2", "3", "4", "live"],
);
assert.deepEqual(await followed(eventTypeFilter({ regex: "^Other$" }), 1), ["b"]);
assert.equal((await followed(excludeSystemEvents(), 3)).length, 3);

await assert.rejects(client.deleteStream(stream, { expectedRevision: 1n }), WrongExpectedVersionError);
await client.deleteStream(stream, { expectedRevision: 4n });
await assert.rejects(names(client.readStream(stream)), StreamNotFoundError);
await client.appendToStream(stream, [event("after")], { expectedRevision: NO_STREAM });
for await (const { event } of client.readStream(stream)) assert.equal(event.revision, 5n);
await client.tombstoneStream(`${run}-b`);
await assert.rejects(names(client.readStream(`${run}-b`)), StreamDeletedError);
await client.dispose();
console.log("the Node client is content");
process.exit(0);
