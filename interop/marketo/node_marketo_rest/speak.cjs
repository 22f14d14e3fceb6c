// What node-marketo-rest is asked to do; runs in its own environment: `node speak.cjs operation`, NODE_PATH its node_modules.
"use strict";

const assert = require("node:assert/strict");
console.log = () => {}; // the client tells its progress there
const Marketo = require("node-marketo-rest");

const HARD = 'two\nlines, "quotes", Zoë 東京 🚀';
const NOW = Date.now();
const CALL = 300; // values of a filter
const TYPES = [10, 12, 13];

function logIn() {
  const { MARKETO_URL, MARKETO_CLIENT_ID, MARKETO_CLIENT_SECRET } = process.env;
  return new Marketo({
    endpoint: `${MARKETO_URL}/rest`,
    identity: `${MARKETO_URL}/identity`,
    clientId: MARKETO_CLIENT_ID,
    clientSecret: MARKETO_CLIENT_SECRET,
  });
}

const numbers = (first, count) => Array.from({ length: count }, (_, n) => first + n);
const since = (days) => new Date(NOW - days * 86_400_000).toISOString().replace(/\.\d+/, "");

async function fieldsOf(marketo) {
  return (await marketo.lead.describe()).result.map(({ rest }) => rest.name);
}

async function* describe(marketo) {
  for (const { displayName, dataType, rest } of (await marketo.lead.describe()).result)
    yield ["lead", { name: rest.name, displayName, dataType, readOnly: rest.readOnly }];
}

async function* find(marketo) {
  const fields = await fieldsOf(marketo);
  for (let first = 1; ; first += CALL) {
    let found = 0;
    const asked = ["id", numbers(first, CALL), { fields, batchSize: 100 }];
    for await (const person of marketo.streamify("lead", "find", asked)) {
      found += 1;
      yield ["lead", person];
    }
    if (!found) return;
  }
}

async function* lists(marketo) {
  for await (const list of marketo.streamify("list", "find", [{ batchSize: 2 }])) {
    yield ["staticList", list];
    for await (const { id } of marketo.streamify("list", "getLeads", [list.id, { fields: "id", batchSize: 20 }]))
      yield ["listMember", { member: `${list.id}-${id}` }];
  }
}

const whole = (activity) => ({ campaignId: null, primaryAttributeValueId: null, primaryAttributeValue: null, ...activity });

async function* activities(marketo) {
  let { nextPageToken, moreResult } = { ...(await marketo.lead.getPageToken(since(60))), moreResult: true };
  while (moreResult) {
    const answer = await marketo.lead.getActivitiesWithOptions({ activityTypeIds: TYPES.join(), nextPageToken });
    ({ nextPageToken, moreResult } = answer);
    for (const activity of answer.result ?? []) {
      const attributes = Object.fromEntries(activity.attributes.map(({ name, value }) => [name, value]));
      yield ["activity", whole({ ...activity, attributes })];
    }
  }
}

// A file's rows by its header; a null is a word.
function* parsed(content) {
  const rows = [[]];
  const cell = /("(?:[^"]|"")*"|[^,\n\r]*)(,|\r?\n|$)/g;
  while (cell.lastIndex < content.length) {
    const [, text, end] = cell.exec(content);
    rows.at(-1).push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end !== ",") rows.push([]);
  }
  const [header, ...values] = rows.filter((row) => row.length);
  for (const row of values)
    yield Object.fromEntries(header.map((name, n) => [name, row[n] === "" || row[n] === "null" ? null : row[n]]));
}

async function exported(extract, ended) {
  const { exportId, numberOfRecords } = ended.result[0];
  const rows = [...parsed((await extract.file(exportId)).toString())];
  assert.equal(rows.length, numberOfRecords);
  return rows;
}

async function* extract(marketo) {
  const span = { createdAt: { startAt: since(31), endAt: since(0) } };
  const people = marketo.bulkLeadExtract, told = marketo.bulkActivityExtract;
  for (const row of await exported(people, await people.get(await fieldsOf(marketo), span)))
    yield ["lead", row];
  for (const row of await exported(told, await told.get({ ...span, activityTypeIds: TYPES })))
    yield ["activity", { ...row, attributes: JSON.parse(row.attributes) }];
}

function fine({ result }, ...statuses) {
  for (const { status } of result) assert(statuses.includes(status), status);
  return result.map(({ id }) => id);
}

async function* write(marketo) {
  const people = numbers(0, 120).map((n) => ({ email: `p${n}@node.example`, lastName: "Was", mktoPersonNotes: HARD }));
  const ids = fine(await marketo.lead.createOrUpdate(people, { action: "createOnly", lookupField: "email" }), "created");
  const again = { id: ids[0], lastName: "Is", leadScore: 7, unsubscribed: true };
  fine(await marketo.lead.createOrUpdate([again], { action: "updateOnly", lookupField: "id" }), "updated");
  const twice = await marketo.lead.createOrUpdate(people.slice(0, 1), { action: "createOnly", lookupField: "email" });
  assert.equal(twice.result[0].reasons[0].code, "1005");
  assert((await marketo.lead.mergeLead(ids[0], ids.slice(1, 3), {})).success);
  yield ["lead", { ...people[0], ...again }];
  for (const [n, id] of ids.entries()) if (n) yield ["lead", { id, ...people[n], isDeleted: n < 3 }];
}

async function* write_lists(marketo) {
  const [{ id: list }] = (await marketo.list.find({})).result;
  const people = numbers(0, 4).map((n) => ({ email: `l${n}@node.example` }));
  const ids = fine(await marketo.lead.createOrUpdate(people, { lookupField: "email" }), "created");
  fine(await marketo.list.addLeadsToList(list, ids), "added");
  fine(await marketo.list.removeLeadsFromList(list, ids.slice(0, 1)), "removed");
  const { result } = await marketo.list.isMember(list, ids.slice(0, 1));
  assert.equal(result[0].status, "notmemberof");
  for (const [n, id] of ids.entries()) yield ["listMember", { member: `${list}-${id}`, isDeleted: n < 1 }];
}

const OPERATIONS = { describe, find, lists, activities, extract, write, write_lists };

(async () => {
  for await (const line of OPERATIONS[process.argv[2]](logIn())) process.stdout.write(`${JSON.stringify(line)}\n`);
})().catch((error) => {
  process.stderr.write(`Error: ${error.message ?? JSON.stringify(error)}\n${error.stack ?? ""}\n`);
  process.exitCode = 1;
});
