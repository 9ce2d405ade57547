"""One table of conditions that Django and the plugin both judge: where they differ, a row says why."""
