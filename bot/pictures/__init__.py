"""Pictures that the bot sends: comparison charts and small maps, drawn from stored specifications."""
