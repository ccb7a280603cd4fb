-- Customers may ask for one method of a backend.
ALTER TABLE job ADD COLUMN method text NOT NULL DEFAULT 'auto' CHECK (length(method) BETWEEN 1 AND 40);
