// A real provider of OpenID Connect for the tests, which start it: its people have the groups of PEOPLE, any password is
// right, and its keys are new each time. Its own pages for development ask who signs in, and for consent.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider from 'oidc-provider';

const people = JSON.parse(process.env.PEOPLE);
const [page, port] = [process.env.PAGE_URL, Number(process.env.PORT)];
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };

const tls = process.env.TLS && { cert: readFileSync(`${process.env.TLS}.crt`), key: readFileSync(`${process.env.TLS}.key`) };
const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'stock',
    client_secret: process.env.CLIENT_SECRET,
    redirect_uris: [`${page}/sign-in/callback`],
    post_logout_redirect_uris: [`${page}/sign-in`],
    // Plain HTTP, which a provider takes for an application of the machine only.
    application_type: 'native',
  }],
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  // As the standard has it, claims of scopes are told apart from the ID token; many providers put them into it.
  conformIdTokenClaims: process.env.CLAIMS_IN === 'userinfo',
  cookies: { keys: [randomUUID()] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: people[id] }),
  }),
  jwks: { keys: [key] },
  pkce: { required: () => true },
});
const server = tls ? https.createServer(tls, provider.callback()) : http.createServer(provider.callback());
server.listen(port, '127.0.0.1', () => console.log(`provider at ${issuer}`));
