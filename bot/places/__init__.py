"""Finding streets, areas and positions in what citizens write or share."""
