"""From a statement to SQL, parameters and a hydrator. Synchronous and pure: nothing here waits or talks to a server."""
