// What vouches for programs, as Kubernetes does for its service accounts: it signs JWTs with jose, on a free port of 127.0.0.1.
//
// Prints "ready URL" when it listens. GET /jwks has its public key; GET /assertion?iss=&sub=&aud=&life= is a new assertion
// that ends in so many seconds, or has ended so long ago.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

const { privateKey, publicKey } = await generateKeyPair('ES256');
const header = { alg: 'ES256', kid: 'platform', typ: 'JWT' };
const keys = [{ ...(await exportJWK(publicKey)), kid: header.kid, alg: header.alg, use: 'sig' }];

async function assertion({ iss, sub, aud, life }) {
  const exp = Math.floor(Date.now() / 1000) + Number(life);
  const claims = { iss, sub, aud, exp, iat: exp - 3600, jti: randomUUID() };
  return new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
  if (pathname === '/jwks') response.end(JSON.stringify({ keys }));
  else if (pathname === '/assertion') response.end(await assertion(Object.fromEntries(searchParams)));
  else response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => console.log('ready', `http://127.0.0.1:${server.address().port}`));
