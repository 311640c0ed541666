"""Stands in for the official package where that is not installed: sends the request that it would send."""
import json
import types
import urllib.request


def _plain(value):
    if isinstance(value, dict):
        return types.SimpleNamespace(**{name: _plain(item) for name, item in value.items()})
    return [_plain(item) for item in value] if isinstance(value, list) else value


class OpenAI:
    def __init__(self, base_url, api_key):
        self.base_url, self.api_key = base_url, api_key
        self.chat = types.SimpleNamespace(completions=types.SimpleNamespace(create=self._create))

    def _create(self, **body):
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.base_url}/chat/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return _plain(json.load(answer))
