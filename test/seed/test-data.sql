-- One hundred measurements in tenths of a degree, a few of them negative.
CREATE TABLE test_input (id INTEGER PRIMARY KEY, station TEXT NOT NULL, tenths INTEGER NOT NULL);
INSERT INTO test_input (id, station, tenths)
WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 100)
SELECT n, 's' || (n % 4), n * 7 - 60 FROM counter;
CREATE TABLE test_output (id INTEGER PRIMARY KEY, station TEXT NOT NULL, celsius REAL NOT NULL);
