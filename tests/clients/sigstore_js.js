// Refreshes a TUF repository as sigstore-js does and downloads targets from it, or verifies a bundle.
// usage: sigstore_js.js fetch METADATA_URL ROOT CACHE [TARGET...]
//        sigstore_js.js verify METADATA_URL ROOT CACHE BUNDLE ARTIFACT IDENTITY ISSUER
//        sigstore_js.js batch METADATA_URL ROOT CACHE < JOBS
// The target files are read from METADATA_URL/targets, as sigstore-js has it. A job is a line BUNDLE, ARTIFACT, IDENTITY,
// ISSUER, with tabs between them. It is answered with a line: `ok` and 0, or `no` and why.
'use strict';
const fs = require('node:fs');
const { initTUF } = require('@sigstore/tuf');
const { verify } = require('sigstore');

async function fetch(mirrorURL, rootPath, cachePath, ...targets) {
  const client = await initTUF({ mirrorURL, rootPath, cachePath });
  for (const name of targets) await client.getTarget(name);
  console.log(JSON.stringify({ client: 'sigstore-js', ok: true }));
}

async function verifyOne(mirrorURL, rootPath, cachePath, bundle, artifact, identity, issuer) {
  await verify(JSON.parse(fs.readFileSync(bundle, 'utf8')), fs.readFileSync(artifact), {
    tufMirrorURL: mirrorURL,
    tufRootPath: rootPath,
    tufCachePath: cachePath,
    certificateIdentityURI: identity,
    certificateIssuer: issuer,
  });
}

async function verifyBundle(...job) {
  await verifyOne(...job);
  console.log(JSON.stringify({ client: 'sigstore-js', ok: true }));
}

async function batch(...repository) {
  for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    try {
      await verifyOne(...repository, ...line.split('\t'));
      console.log('ok 0');
    } catch (error) {
      console.log('no', String(error).replaceAll('\n', ' '));
    }
  }
}

const [command, ...rest] = process.argv.slice(2);
({ batch, fetch, verify: verifyBundle })[command](...rest).catch((error) => {
  console.error('sigstore-js:', error);
  process.exitCode = 1;
});
