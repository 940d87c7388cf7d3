INSERT INTO counts SELECT beat, COUNT(*) FROM beats WHERE beat > ${least} GROUP BY beat
