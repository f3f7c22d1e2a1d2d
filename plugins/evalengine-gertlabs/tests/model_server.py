"""A server that speaks chat completions, and writes agents or plays as it is told. No tests here."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CODE = "Here it is.\n```python\ndef act(observation):\n    return observation.legal[0]\n```\nGood luck!"


class ModelServer:
    """Answers on a free port of this machine; used as a context manager.

    Attributes:
        asked: the requests so far, as (headers, body); answers: what to say next, the usual thing when it is empty: a
            text, or (status, bytes).
    """

    def __init__(self):
        self.asked, self.answers = [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append((dict(self.headers), body))
                status, data = server.answer(body)
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body):
        """Return status and bytes."""
        said = self.answers.pop(0) if self.answers else usual(body)
        if isinstance(said, tuple):
            return said
        whole = {"model": body["model"], "choices": [{"message": {"role": "assistant", "content": said}}]}
        return 200, json.dumps(whole).encode()

    def settings(self, name="my-model-v3", **more):
        """Return the settings of a server that knows this one."""
        values = {"name": name, "base_url": self.base_url, "model": "small", **more}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        return "\n".join(["[[plugins.gertlabs.providers]]", *lines, ""])


def usual(body):
    """Return an agent's source, or the first of the legal actions."""
    asked = body["messages"][-1]["content"]
    if "Write an agent" in asked:
        return CODE
    first = re.search(r"^\[1\] (.*)$", asked, re.MULTILINE)
    return f"ACTION: {first[1]}"
