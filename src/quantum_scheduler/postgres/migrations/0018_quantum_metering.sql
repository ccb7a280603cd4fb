-- What an attempt may take of a quantum computer's time while it is open, and what it took once it was answered.
ALTER TABLE quantum_attempt ADD COLUMN qpu_ms bigint NOT NULL DEFAULT 0 CHECK (qpu_ms >= 0);

-- What a job has used already of what it has reserved; it is counted when the job ends, and only if that is to be paid.
ALTER TABLE quota_reservation ADD COLUMN used bigint NOT NULL DEFAULT 0 CHECK (used >= 0);
ALTER TABLE quota_reservation DROP CONSTRAINT quota_reservation_amount_check;
ALTER TABLE quota_reservation ADD CONSTRAINT quota_reservation_amount_check CHECK (amount >= 0);
