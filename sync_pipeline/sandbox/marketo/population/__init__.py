"""What fills a subscription: people made up at random, files, and a staff that edits."""
