"""The commands of `sync-pipeline`, one module each; they read settings, call the package, and print."""
