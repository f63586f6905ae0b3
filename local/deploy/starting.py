"""Start a bundle in a process that has nothing else, so that what is missing is missed here and not on Lambda.

    python -I -S -W error local/deploy/starting.py the-unpacked-bundle

Every module of ours is imported, AWS's clients are made, and a query is read: by then, all that the bundle holds of
others has been asked for, but for what only a call over the network asks.
"""

import sys
from importlib import import_module
from pkgutil import walk_packages

QUERY = "SELECT id FROM sys_invocation WHERE status IN ('completed') AND created_at < now() ORDER BY id LIMIT 5"


def main(task: str) -> None:
    """Raise whatever a cold start would raise, sooner or later."""
    sys.path.insert(0, task)
    import_module("app")
    import chalicelib

    for module in walk_packages(chalicelib.__path__, "chalicelib."):
        import_module(module.name)
    import_module("chalicelib.dialects.restate.sql.parsing").parse(QUERY, 0)
    connection = import_module("chalicelib.stores.tables").connect("prod", "us-east-1")
    clients = import_module("chalicelib.stores.clients").Clients.of(connection)
    for client in (connection.client, clients.sqs(), clients.functions()):
        if not client.meta.service_model.operation_names:
            raise SystemExit(f"{client} can do nothing.")


if __name__ == "__main__":
    main(sys.argv[1])
