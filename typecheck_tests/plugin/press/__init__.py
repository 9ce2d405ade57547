"""An app whose models are spread over modules, and refer to an app that refers to it."""
