"""What fills an org: records made up at random, files, and a staff that edits."""
