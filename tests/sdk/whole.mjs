// `node whole.mjs SDK URL KEY`: everything Vapi's TypeScript SDK does with what a bridge has.
// SDK is the directory of the installed package. Prints the methods it has used.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const [sdk, baseUrl, token] = process.argv.slice(2);
const { VapiClient, VapiError, Vapi } = createRequire(import.meta.url)(sdk);

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const customer = { number: "+14155550123", name: "Ada" };
const bypass = {
  phoneCallProviderBypassEnabled: true,
  maxDurationSeconds: 600,
  metadata: { ticket: 7 },
};
const client = new VapiClient({ token, baseUrl });
const used = new Set();

async function use(resource, method, ...values) {
  const answer = await client[resource][method](...values);
  used.add(`${resource.toLowerCase()}.${method}`);
  return answer;
}

async function refused(work, status) {
  const error = await work.then(() => assert.fail("nothing was raised"), (raised) => raised);
  assert(error instanceof VapiError, String(error));
  assert.equal(error.statusCode, status);
  assert.deepEqual(Object.keys(error.body).sort(), ["error", "message", "statusCode"]);
  return error;
}

const ids = (rows) => rows.map((row) => row.id);

async function assistants() {
  const made = await use("assistants", "create", { name: "Reception", firstMessage: "Hello." });
  assert.equal((await use("assistants", "get", { id: made.id })).firstMessage, "Hello.");
  assert.equal((await use("assistants", "update", { id: made.id, name: "Desk" })).name, "Desk");
  assert(ids(await use("assistants", "list", { limit: 50 })).includes(made.id));
  assert.equal((await use("assistants", "delete", { id: made.id })).id, made.id);
  await refused(client.assistants.get({ id: made.id }), 404);
  return (await client.assistants.create({ name: "From the SDK" })).id;
}

async function phoneNumbers() {
  const number = `+1415555${String(Math.floor(Math.random() * 10000)).padStart(4, "0")}`;
  const made = await use("phoneNumbers", "create", {
    provider: "twilio",
    number,
    twilioAccountSid: "AC" + "c".repeat(32),
    twilioAuthToken: "a secret",
  });
  assert.deepEqual([made.provider, made.number, made.status], ["twilio", number, "active"]);
  assert.equal((await use("phoneNumbers", "get", { id: made.id })).number, number);
  const body = { provider: "twilio", name: "Desk" };
  assert.equal((await use("phoneNumbers", "update", { id: made.id, body })).name, "Desk");
  const page = await use("phoneNumbers", "phoneNumberControllerFindAllPaginated", { search: number });
  assert.deepEqual(ids(page.results), [made.id]);
  assert(ids(await use("phoneNumbers", "list", { limit: 50 })).includes(made.id));
  assert.equal((await use("phoneNumbers", "delete", { id: made.id })).id, made.id);
  await refused(client.phoneNumbers.get({ id: made.id }), 404);
  const rows = await client.phoneNumbers.list();
  return Object.fromEntries(rows.map((row) => [row.provider, row.id]));
}

async function calls(assistantId, phoneNumberId, carrier) {
  const body = { assistantId, phoneNumberId, customer, name: "from the SDK", ...bypass };
  const made = await use("calls", "create", body);
  assert.deepEqual([made.status, made.phoneCallProvider], ["queued", carrier]);
  assert.deepEqual(made.metadata, { ticket: 7 });
  assert.equal(Object.keys(made.phoneCallProviderDetails).includes("to"), true);
  assert.equal((await use("calls", "get", { id: made.id })).createdAt, made.createdAt);
  const wanted = { assistantId, phoneNumberId, createdAtGe: made.createdAt };
  assert(ids(await use("calls", "list", wanted)).includes(made.id));
  assert.equal((await use("calls", "update", { id: made.id, name: "renamed" })).name, "renamed");
  assert.equal((await use("calls", "delete", { id: made.id })).id, made.id);
  await refused(client.calls.get({ id: made.id }), 404);
}

async function once(phoneNumberId) {
  const body = { assistant: { name: "Transient" }, phoneNumberId, customer, ...bypass };
  const headers = { "Idempotency-Key": randomUUID() };
  const [made, again] = await Promise.all([
    client.calls.create(body, { headers }),
    client.calls.create(body, { headers }),
  ]);
  assert.equal(made.id, again.id);
}

async function squads(assistantId, phoneNumberId) {
  const place = { type: "assistant", assistantName: "Desk", message: "One moment." };
  const members = [
    { assistantId, assistantDestinations: [place] },
    { assistant: { name: "Desk", firstMessage: "Desk here." } },
  ];
  const made = await use("squads", "create", { name: "Two", members });
  assert.equal(made.members[1].assistant.name, "Desk");
  assert.equal((await use("squads", "get", { id: made.id })).members[0].assistantId, assistantId);
  assert(ids(await use("squads", "list", { limit: 50 })).includes(made.id));
  const changed = await use("squads", "update", { id: made.id, members, name: "Both" });
  assert.equal(changed.name, "Both");
  const call = await client.calls.create({ squadId: made.id, phoneNumberId, ...bypass });
  assert.equal((await client.calls.get({ id: call.id })).squadId, made.id);
  assert.equal((await use("squads", "delete", { id: made.id })).id, made.id);
  await refused(client.squads.get({ id: made.id }), 404);
}

async function tools() {
  const look = { type: "function", function: { name: "look", description: "Looks." } };
  const made = await use("tools", "create", look);
  assert.equal((await use("tools", "get", { id: made.id })).function.name, "look");
  assert(ids(await use("tools", "list", { limit: 50 })).includes(made.id));
  const body = { function: { name: "see" } };
  assert.equal((await use("tools", "update", { id: made.id, body })).function.name, "see");
  assert.equal((await use("tools", "delete", { id: made.id })).id, made.id);
  await refused(client.tools.get({ id: made.id }), 404);
}

async function analytics() {
  const operations = [{ operation: "count", column: "id" }];
  const query = { table: "call", name: "by status", groupBy: ["status"], operations };
  const [answer] = await use("analytics", "get", { queries: [query] });
  assert.equal(answer.name, "by status");
  assert(answer.result.reduce((sum, row) => sum + row.countId, 0) > 0);
}

const assistantId = await assistants();
const numbers = await phoneNumbers();
for (const carrier of ["twilio", "vonage"]) {
  await calls(assistantId, numbers[carrier], carrier);
  await once(numbers[carrier]);
}
await squads(assistantId, numbers.twilio);
await tools();
await analytics();
const bad = await refused(client.calls.create({ customer }), 400);
assert(bad instanceof Vapi.BadRequestError);
await refused(client.calls.create({ squadId: UNKNOWN }), 400);
await refused(client.calls.get({ id: UNKNOWN }), 404);
await refused(new VapiClient({ token: "no key", baseUrl }).calls.list(), 401);
console.log([...used].sort().join("\n"));
