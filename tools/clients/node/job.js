// A job that reports by `healthchecks-io-client` from npm: only the two addresses are others.
const assert = require('node:assert');
const { HealthChecksApiClient, HealthChecksPingClient } = require('healthchecks-io-client');

const [address, apiKey] = process.argv.slice(2);

async function main() {
  for (const apiVersion of [2, 3]) {
    const api = new HealthChecksApiClient({ apiKey, baseUrl: address, apiVersion });
    const check = await api.createCheck({ name: `Node Job ${apiVersion}`, tags: 'node prod', timeout: 3600, grace: 60 });
    const uuid = check.ping_url.split('/').pop();
    const job = new HealthChecksPingClient({ uuid, baseUrl: `${address}/ping`, returnResponse: true });
    assert.strictEqual(await job.start(), 'OK');
    assert.strictEqual(await job.success('done'), 'OK');
    assert.strictEqual(await job.fail('disk full'), 'OK');
    const seen = await api.getCheck(uuid);
    assert.deepStrictEqual([seen.status, seen.n_pings], ['down', 3]);
    assert.strictEqual((await api.getChecks(['node', 'prod'])).checks.length, 1);
    const { pings } = await api.listPings(uuid);
    assert.deepStrictEqual(pings.map((ping) => ping.type), ['fail', 'success', 'start']);
    assert.strictEqual((await api.updateCheck(uuid, { name: 'Renamed', tags: 'a b' })).name, 'Renamed');
    assert.strictEqual((await api.pauseCheck(uuid)).status, 'paused');
    assert.deepStrictEqual((await api.getIntegrations()).channels, []);
    assert.strictEqual((await api.deleteCheck(uuid)).name, 'Renamed');
    await assert.rejects(api.getCheck(uuid));
    await assert.rejects(job.success());
  }
  console.log('healthchecks-io-client (npm): all well');
}

main();
