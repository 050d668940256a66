-- 1: the schedule stands in the definition of its workflow, which has its name.
ALTER TABLE schedules ADD COLUMN of_workflow INTEGER NOT NULL DEFAULT 0;
