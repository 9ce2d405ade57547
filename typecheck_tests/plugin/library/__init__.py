"""An app with models of every kind: abstract, proxy, multi-table, self-referencing, generic, with a mixin of adj."""
