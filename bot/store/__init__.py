"""Engine, schema, migrations, the journal of the road, and the registers of the city."""
