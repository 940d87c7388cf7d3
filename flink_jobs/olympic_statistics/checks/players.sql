SELECT id, name, nationality, score FROM players
