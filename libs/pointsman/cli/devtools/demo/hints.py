"""Commands to try while the demo serves."""

import shlex
from pathlib import Path

import msgspec

from pointsman.cli.devtools.demo.traffic import METADATA
from pointsman.cli.options import command_name
from pointsman.cli.stack.logins import OBSERVER_FILE
from pointsman.core.features import prompt_features

EXAMPLE = "A baker sells each of 24 loaves for 3 dollars. How much does he earn?"


def hints(gateway_url: str, tier: str, data_dir: str) -> str:
    """Return the text, with commands that can be pasted."""
    context = [round(value, 3) for value in prompt_features(EXAMPLE)]
    body = msgspec.json.encode({"tier": tier, "context": context, "metadata": METADATA}).decode()
    observer = shlex.quote(str(Path(data_dir) / OBSERVER_FILE))
    where = f"--data-dir {shlex.quote(data_dir)}"
    post = "-H 'content-type: application/json' -d"
    chat = '{"model":"auto","messages":[{"role":"user","content":"Is the line clear?"}]}'
    outcome = '{"decision_id":"…","quality":97,"cost_usd":0.0003}'
    return f"""
Serving on {gateway_url} until Ctrl-C. From another terminal:

  a decision for "{EXAMPLE}"
     curl -s {gateway_url}/v1/decisions {post} \\
       '{body}'
  its outcome, with the decision_id of the answer
     curl -s {gateway_url}/v1/outcomes {post} \\
       '{outcome}'
  a chat request in OpenAI's format; the headers of the answer name the model and the reason
     curl -si {gateway_url}/v1/chat/completions {post} \\
       '{chat}'
  every decision as it is made (then send one)
     {command_name()} tail 'decisions.>' {where}
     NATS_URL="$(cat {observer})" nats sub 'decisions.>'
  the shadow policies against what was served
     {command_name()} compare {where}
  learned estimates     {gateway_url}/v1/arms
  dashboard, API        {gateway_url}/    {gateway_url}/docs
"""
