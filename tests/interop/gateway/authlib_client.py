"""A program with Authlib, which keeps its token: authlib_client.py TOKEN_ENDPOINT ID SECRET API CALLS [SECONDS between]."""
import sys
import time

from authlib.integrations.requests_client import OAuth2Session

endpoint, client, secret, api, calls, *pause = sys.argv[1:]
# Less than the tokens of a case live.
session = OAuth2Session(client, secret, token_endpoint=endpoint, grant_type="client_credentials", leeway=1)
session.trust_env = False
session.fetch_token()
for number in range(int(calls)):
    session.ensure_active_token(session.token)
    answer = session.get(f"{api}/{number}", timeout=60)
    answer.raise_for_status()
    time.sleep(float(pause[0]) if pause else 0)
