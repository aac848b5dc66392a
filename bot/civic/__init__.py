"""Pure rules of the city: tickets, services, areas, answers. Standard library only."""
