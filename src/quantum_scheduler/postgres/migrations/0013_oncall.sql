-- Who is on call. A person is reached at the first target, then at the second, and so on; the inbox is always among them.
CREATE TABLE oncall_person (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$'),
    targets jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(targets) = 'array')
);

CREATE TABLE oncall_rotation (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$'),
    people text[] NOT NULL CHECK (cardinality(people) BETWEEN 1 AND 100),
    starts_at timestamptz NOT NULL,
    turn_days integer NOT NULL CHECK (turn_days BETWEEN 1 AND 28),
    zone text NOT NULL
);

CREATE TABLE oncall_override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rotation text NOT NULL REFERENCES oncall_rotation (name) ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    person text,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL
);

CREATE INDEX oncall_override_rotation ON oncall_override (rotation, ends_at);

-- The escalation matrix and the emergency contacts. A contact is the name of a rotation, or else that of a person.
CREATE TABLE oncall_role (
    name text PRIMARY KEY,
    position integer NOT NULL UNIQUE,
    title text NOT NULL,
    expertise text NOT NULL,
    contact text NOT NULL,
    backup text,
    is_emergency boolean NOT NULL DEFAULT false
);

INSERT INTO oncall_role (name, position, title, expertise, contact, backup, is_emergency) VALUES
    ('on-call-engineer', 1, 'On-Call Engineer', 'First response, basic troubleshooting',
        'oncall-primary', 'oncall-backup', false),
    ('senior-engineer', 2, 'Senior Engineer', 'Complex technical issues', 'senior-eng', 'tech-lead', false),
    ('quantum-expert', 3, 'Quantum Expert', 'Quantum backend issues', 'quantum-lead', 'quantum-architect', false),
    ('sre-lead', 4, 'SRE Lead', 'Infrastructure issues', 'sre-lead', 'platform-lead', false),
    ('engineering-manager', 5, 'Engineering Manager', 'Stakeholder communication',
        'eng-manager', 'director-eng', false),
    ('security', 6, 'Security', 'Security team lead', 'security-lead', NULL, true),
    ('infrastructure', 7, 'Infrastructure', 'Infrastructure team lead', 'sre-lead', 'platform-lead', true),
    ('quantum', 8, 'Quantum', 'Quantum specialist', 'quantum-lead', 'quantum-architect', true),
    ('management', 9, 'Management', 'Engineering manager', 'eng-manager', 'director-eng', true);

INSERT INTO oncall_person (name, targets)
SELECT name, jsonb_build_array(jsonb_build_object('channel', 'inbox', 'address', name))
FROM (SELECT contact FROM oncall_role UNION SELECT backup FROM oncall_role WHERE backup IS NOT NULL) AS person (name);

-- Policies: which roles are paged after which share of the time within which an incident must be answered. A role with
-- `/backup` behind it means its backup.
CREATE TABLE oncall_level (
    policy text NOT NULL,
    level integer NOT NULL CHECK (level >= 0),
    after_share double precision NOT NULL CHECK (after_share BETWEEN 0 AND 10),
    roles text[] NOT NULL CHECK (cardinality(roles) BETWEEN 1 AND 20),
    PRIMARY KEY (policy, level)
);

INSERT INTO oncall_level (policy, level, after_share, roles)
SELECT policy, level, after_share, coalesce(roles, own)
FROM (VALUES
    ('default', ARRAY['senior-engineer']),
    ('security', ARRAY['security']),
    ('infrastructure', ARRAY['infrastructure']),
    ('quantum', ARRAY['quantum-expert']),
    ('management', ARRAY['management'])
) AS policy (policy, own)
CROSS JOIN (VALUES
    (0, 0.0, ARRAY['on-call-engineer']),
    (1, 1.0 / 3, ARRAY['on-call-engineer/backup']),
    (2, 2.0 / 3, NULL),
    (3, 1.0, ARRAY['senior-engineer/backup', 'sre-lead']),
    (4, 4.0 / 3, ARRAY['engineering-manager', 'engineering-manager/backup'])
) AS level (level, after_share, roles);

-- The session of the process that is sending a message, so that others see when that is dead.
ALTER TABLE notification ADD COLUMN claimed_by text;
CREATE INDEX notification_claimed_by ON notification (claimed_by) WHERE claimed_by IS NOT NULL;

-- How an incident escalates; the default where it is null or there is no such policy.
ALTER TABLE incident ADD COLUMN policy text;

-- What will be told to whom unless somebody answers: frozen when an incident is declared, so that whoever edits a policy
-- or a rotation meanwhile changes nothing for it. A round is one run through the policy.
CREATE TABLE escalation (
    incident_id bigint NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    round integer NOT NULL,
    level integer NOT NULL,
    attempt integer NOT NULL,
    due_at timestamptz NOT NULL,
    targets jsonb NOT NULL,
    message jsonb NOT NULL,
    fired_at timestamptz,
    PRIMARY KEY (incident_id, round, level, attempt)
);

CREATE INDEX escalation_due_at ON escalation (due_at) WHERE fired_at IS NULL;
