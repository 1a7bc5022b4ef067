// A resource server that knows nothing of tokens but what the authorization server says: it verifies a JWT with the
// server's keys (RFC 9068), and asks about any other token (RFC 7662). On a free port of 127.0.0.1.
//
// Environment: INTROSPECTION, the URL to ask at, as the client resource with the secret INTEROP_SECRET; for JWTs, ISSUER
// and JWKS, the URL of its keys. Prints "ready URL" when it listens. Every path wants the scope read.
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { INTROSPECTION, INTEROP_SECRET, ISSUER, JWKS } = process.env;
const AUDIENCE = 'urn:interop:parcels';

// RFC 6749, section 2.3.1.
const form = (text) => new URLSearchParams([['', text]]).toString().slice(1);
const credentials = Buffer.from(`resource:${form(INTEROP_SECRET)}`).toString('base64');
const keys = JWKS && createRemoteJWKSet(new URL(JWKS));

// The scope of a token that is good, and null for any other.
async function scopeOf(token) {
  if (keys && token.split('.').length === 3) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' });
      return payload.scope ?? '';
    } catch (error) {
      if (error.code?.startsWith('ERR_JW')) return null;
      throw error;
    }
  }
  const answer = await fetch(INTROSPECTION, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ token }),
  });
  if (!answer.ok) throw new Error(`the introspection endpoint answered with http ${answer.status}`);
  const { active, scope } = await answer.json();
  return active ? (scope ?? '') : null;
}

async function judge(authorization) {
  const token = /^Bearer ([\x21-\x7e]+)$/.exec(authorization ?? '')?.[1];
  if (!token) return [401, 'Bearer realm="parcels"'];
  const scope = await scopeOf(token);
  if (scope === null) return [401, 'Bearer realm="parcels", error="invalid_token"'];
  if (!scope.split(' ').includes('read')) {
    return [403, 'Bearer realm="parcels", error="insufficient_scope", scope="read"'];
  }
  return [200];
}

const server = createServer(async (request, response) => {
  request.resume();
  try {
    const [status, challenge] = await judge(request.headers.authorization);
    if (challenge) response.setHeader('www-authenticate', challenge);
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});
server.listen(0, '127.0.0.1', () => console.log('ready', `http://127.0.0.1:${server.address().port}`));
