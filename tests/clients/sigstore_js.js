// Refreshes a TUF repository as sigstore-js does and downloads targets from it, or verifies a bundle.
// usage: sigstore_js.js fetch METADATA_URL ROOT CACHE [TARGET...]
//        sigstore_js.js verify METADATA_URL ROOT CACHE BUNDLE ARTIFACT IDENTITY ISSUER
// The target files are read from METADATA_URL/targets, as sigstore-js has it.
'use strict';
const fs = require('node:fs');
const { initTUF } = require('@sigstore/tuf');
const { verify } = require('sigstore');

async function fetch(mirrorURL, rootPath, cachePath, ...targets) {
  const client = await initTUF({ mirrorURL, rootPath, cachePath });
  for (const name of targets) await client.getTarget(name);
  console.log(JSON.stringify({ client: 'sigstore-js', ok: true }));
}

async function verifyBundle(mirrorURL, rootPath, cachePath, bundle, artifact, identity, issuer) {
  await verify(JSON.parse(fs.readFileSync(bundle, 'utf8')), fs.readFileSync(artifact), {
    tufMirrorURL: mirrorURL,
    tufRootPath: rootPath,
    tufCachePath: cachePath,
    certificateIdentityURI: identity,
    certificateIssuer: issuer,
  });
  console.log(JSON.stringify({ client: 'sigstore-js', ok: true }));
}

const [command, ...rest] = process.argv.slice(2);
(command === 'verify' ? verifyBundle : fetch)(...rest).catch((error) => {
  console.error('sigstore-js:', error);
  process.exitCode = 1;
});
