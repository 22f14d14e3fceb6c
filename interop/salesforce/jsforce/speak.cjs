// What jsforce is asked to do; runs in its own environment: `node speak.cjs operation`, NODE_PATH its node_modules.
"use strict";

const assert = require("node:assert/strict");
const jsforce = require("jsforce");

const READ = ["Lead", "Contact", "Invoice__c"];
const HARD = 'two\nlines, "quotes", Zoë 東京 🚀';
const EVERY_200_MS = { pollInterval: 200, pollTimeout: 60_000 };

async function logIn() {
  const org = new jsforce.Connection();
  const { SALESFORCE_USERNAME, SALESFORCE_PASSWORD, SALESFORCE_SECURITY_TOKEN } = process.env;
  await org.login(SALESFORCE_USERNAME, SALESFORCE_PASSWORD + SALESFORCE_SECURITY_TOKEN);
  return org;
}

async function* fieldsOf(org) {
  for (const name of READ) {
    const { fields } = await org.sobject(name).describe();
    yield [name, fields];
  }
}

async function* describe(org) {
  for await (const [object, fields] of fieldsOf(org))
    for (const { name, type, length, nillable, label } of fields) yield [object, { name, type, length, nillable, label }];
}

async function* query(org) {
  for await (const [object, fields] of fieldsOf(org)) {
    const soql = `SELECT ${fields.map((field) => field.name)} FROM ${object}`;
    const { records } = await org.query(soql, { autoFetch: true, maxFetch: 100_000 });
    for (const record of records) yield [object, record];
  }
}

async function* write(org) {
  const one = await org.sobject("Contact").create({ LastName: "Was", Description: HARD, Birthdate: "1970-02-28" });
  const many = await org.sobject("Contact").create([1, 2, 3].map(() => ({ LastName: "Was", Description: HARD })));
  const ids = [one, ...many].map(({ id, success }) => (assert(success), id));
  const [first, ...others] = ids.map((Id, n) => ({ Id, LastName: `Is ${n}`, Birthdate: null }));
  assert((await org.sobject("Contact").update(first)).success);
  assert((await org.sobject("Contact").update(others)).every(({ success }) => success));
  const back = await org.sobject("Contact").retrieve(ids);
  assert.deepEqual(back.map(({ LastName }) => LastName), ids.map((_, n) => `Is ${n}`));
  assert((await org.sobject("Contact").destroy(ids[0])).success);
  assert((await org.sobject("Contact").destroy(ids.slice(1, 3))).every(({ success }) => success));
  for (const written of [first, ...others])
    yield ["Contact", { ...written, Description: HARD, IsDeleted: written.Id !== ids[3] }];

  for (const Amount__c of [12.5, 1e7]) {
    const sent = ["a", "b"].map((n) => ({ External_Number__c: `jsforce ${n}`, Amount__c }));
    const alone = await org.sobject("Invoice__c").upsert(sent[0], "External_Number__c");
    assert(alone.success);
    assert((await org.sobject("Invoice__c").upsert(sent, "External_Number__c")).every(({ success }) => success));
  }
  const soql = "SELECT Id, External_Number__c FROM Invoice__c WHERE External_Number__c LIKE 'jsforce%'";
  const { records, totalSize } = await org.query(soql);
  assert.equal(totalSize, 2);
  for (const { Id, External_Number__c } of records) yield ["Invoice__c", { Id, External_Number__c, Amount__c: 1e7 }];
}

// CSV says nothing for null, and jsforce passes that on.
const withNulls = (record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value || null]));

async function* inBulk(org, ask) {
  for await (const [object, fields] of fieldsOf(org)) {
    const simple = fields.filter(({ type }) => type !== "address" && type !== "location");
    const found = await ask(`SELECT ${simple.map((field) => field.name)} FROM ${object}`);
    for (const record of await found.toArray()) yield [object, withNulls(record)];
  }
}

async function* bulk2_query(org) {
  yield* inBulk(org, (soql) => org.bulk2.query(soql, EVERY_200_MS));
}

async function* bulk2_write(org) {
  const load = async (object, operation, input, more) => {
    const made = await org.bulk2.loadAndWaitForResults({ object, operation, input, ...more, ...EVERY_200_MS });
    assert.deepEqual(made.failedResults, []);
    assert.equal(made.successfulResults.length, input.length);
    return made.successfulResults;
  };
  const rows = Array.from({ length: 250 }, (_, n) => ({ LastName: `Bulk ${n}`, Description: HARD }));
  const made = await load("Contact", "insert", rows);
  const ids = made.map((row) => row.sf__Id);
  await load("Contact", "update", ids.map((Id) => ({ Id, Title: "Two" })));
  const gone = ids.slice(0, 100);
  await load("Contact", "delete", gone.map((Id) => ({ Id })));
  for (const { sf__Id, LastName } of made)
    yield ["Contact", { Id: sf__Id, LastName, Description: HARD, Title: "Two", IsDeleted: gone.includes(sf__Id) }];

  let upserted;
  for (const Amount__c of [1, 2.25]) {
    const sent = Array.from({ length: 50 }, (_, n) => ({ External_Number__c: `bulk2 ${n}`, Amount__c }));
    upserted = await load("Invoice__c", "upsert", sent, { externalIdFieldName: "External_Number__c" });
    assert(upserted.every(({ sf__Created }) => sf__Created === String(Amount__c === 1)));
  }
  for (const { sf__Id, External_Number__c } of upserted)
    yield ["Invoice__c", { Id: sf__Id, External_Number__c, Amount__c: 2.25 }];
}

async function* bulk1_query(org) {
  Object.assign(org.bulk, EVERY_200_MS);
  yield* inBulk(org, (soql) => org.bulk.query(soql));
}

async function* bulk1_write(org) {
  Object.assign(org.bulk, EVERY_200_MS);
  const load = async (...job) => {
    const results = await org.bulk.load(...job);
    assert(results.every(({ success }) => success), JSON.stringify(results));
    return results.map(({ id }) => id);
  };
  const rows = Array.from({ length: 50 }, (_, n) => ({ LastName: `Bulk ${n}`, Description: HARD }));
  const ids = await load("Contact", "insert", rows);
  await load("Contact", "update", ids.map((Id) => ({ Id, Title: "One" })));
  const gone = ids.slice(0, 10);
  await load("Contact", "delete", gone.map((Id) => ({ Id })));
  for (const [n, Id] of ids.entries()) yield ["Contact", { Id, ...rows[n], Title: "One", IsDeleted: gone.includes(Id) }];

  const sent = Array.from({ length: 10 }, (_, n) => ({ External_Number__c: `bulk1 ${n}`, Amount__c: n }));
  const upserted = await load("Invoice__c", "upsert", { extIdField: "External_Number__c" }, sent);
  for (const [n, Id] of upserted.entries()) yield ["Invoice__c", { Id, ...sent[n] }];
}

async function speak(operation) {
  for await (const line of operation(await logIn())) console.log(JSON.stringify(line));
}

const OPERATIONS = { describe, query, write, bulk2_query, bulk2_write, bulk1_query, bulk1_write };

speak(OPERATIONS[process.argv[2]]).catch((error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
