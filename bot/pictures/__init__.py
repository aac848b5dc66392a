"""Pictures that the bot sends: charts and small maps, drawn from kept specifications."""
