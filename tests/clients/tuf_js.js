// Refreshes TUF repositories with tuf-js and downloads targets from them.
// usage: tuf_js.js METADATA_URL TARGETS_URL ROOT CACHE [TARGET...]
//        tuf_js.js --batch < JOBS
// A job is a line METADATA_URL, ROOT, CACHE, TARGET..., with tabs between them; its targets are below
// METADATA_URL/targets. It is answered with a line: `ok` and the version of the root, or `no` and why.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Updater } = require('tuf-js');

async function refresh(metadataBaseUrl, targetBaseUrl, root, cache, ...targets) {
  const targetDir = path.join(cache, 'targets');
  fs.mkdirSync(targetDir, { recursive: true });
  const trusted = path.join(cache, 'root.json');
  // A client that has run before starts from what it trusted last.
  if (!fs.existsSync(trusted)) fs.copyFileSync(root, trusted);
  const client = new Updater({ metadataBaseUrl, targetBaseUrl, metadataDir: cache, targetDir });
  await client.refresh();
  for (const name of targets) {
    const target = await client.getTargetInfo(name);
    if (!target) throw new Error(`no target ${name}`);
    await client.downloadTarget(target);
  }
  return JSON.parse(fs.readFileSync(trusted, 'utf8')).signed.version;
}

async function batch() {
  for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    const [url, root, cache, ...targets] = line.split('\t');
    try {
      console.log('ok', await refresh(url, `${url}/targets`, root, cache, ...targets));
    } catch (error) {
      console.log('no', String(error).replaceAll('\n', ' '));
    }
  }
}

async function main(...args) {
  if (args[0] === '--batch') return batch();
  const version = await refresh(...args);
  console.log(JSON.stringify({ client: 'tuf-js', root_version: version, ok: true }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error('tuf-js:', error);
  process.exitCode = 1;
});
