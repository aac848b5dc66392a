"""Around the register of tickets: desks, news for citizens, following elsewhere, files."""
