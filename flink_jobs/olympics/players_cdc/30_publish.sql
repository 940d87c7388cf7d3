INSERT INTO players_topic SELECT id, name, nationality, score FROM players
