// Refreshes a TUF repository with tuf-js and downloads targets from it.
// usage: tuf_js.js METADATA_URL TARGETS_URL ROOT CACHE [TARGET...]
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Updater } = require('tuf-js');

async function main(metadataBaseUrl, targetBaseUrl, root, cache, ...targets) {
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
  const { signed } = JSON.parse(fs.readFileSync(trusted, 'utf8'));
  console.log(JSON.stringify({ client: 'tuf-js', root_version: signed.version, ok: true }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error('tuf-js:', error);
  process.exitCode = 1;
});
