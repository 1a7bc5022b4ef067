// A program with simple-oauth2, which keeps its token: oauth.mjs TOKEN_ENDPOINT ID SECRET API CALLS
import { ClientCredentials } from 'simple-oauth2';

const [endpoint, id, secret, api, calls] = process.argv.slice(2);
const url = new URL(endpoint);
const client = new ClientCredentials({ client: { id, secret }, auth: { tokenHost: url.origin, tokenPath: url.pathname } });
let token = await client.getToken({});
for (let number = 0; number < Number(calls); number++) {
  if (token.expired(1)) token = await client.getToken({});
  const answer = await fetch(`${api}/${number}`, { headers: { authorization: `Bearer ${token.token.access_token}` } });
  if (answer.status !== 200) throw new Error(`${answer.status}`);
  await answer.arrayBuffer();
}
