CREATE TABLE core_ledgerentry (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id bigint NOT NULL,
    recipient bigint NOT NULL,
    sender_id bigint NOT NULL,
    act text NOT NULL CHECK (act IN ('opt_out', 'opt_in', 'hold', 'release', 'erase')),
    source text NOT NULL,
    never bool NOT NULL,
    account_level bool NOT NULL,
    through_id bigint NOT NULL,
    inbound_id bigint,
    evidence text NOT NULL,
    rule text NOT NULL,
    word text NOT NULL,
    policy text NOT NULL,
    actor text NOT NULL,
    note text NOT NULL,
    carrier_at datetime,
    received_at datetime NOT NULL,
    effective_at datetime NOT NULL
);
CREATE INDEX ledger_person ON core_ledgerentry (account_id, recipient, id);
CREATE INDEX ledger_inbound ON core_ledgerentry (inbound_id) WHERE inbound_id IS NOT NULL;
-- REPLACE deletes the row that it replaces, and fires no trigger for that.
CREATE TRIGGER ledger_adds BEFORE INSERT ON core_ledgerentry
WHEN EXISTS (SELECT 1 FROM core_ledgerentry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'The ledger is append-only.'); END;
CREATE TRIGGER ledger_keeps BEFORE UPDATE ON core_ledgerentry
BEGIN SELECT RAISE(ABORT, 'The ledger is append-only.'); END;
CREATE TRIGGER ledger_stays BEFORE DELETE ON core_ledgerentry
BEGIN SELECT RAISE(ABORT, 'The ledger is append-only.'); END;

CREATE TABLE core_consent (
    account_id bigint NOT NULL,
    recipient bigint NOT NULL,
    sender_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('none', 'in', 'out')),
    held integer NOT NULL CHECK (held >= 0),
    since datetime,
    last_out_at datetime,
    started_at datetime,
    never bool NOT NULL,
    entry_id bigint NOT NULL,
    PRIMARY KEY (account_id, recipient, sender_id)
) WITHOUT ROWID;
CREATE INDEX consent_out ON core_consent (account_id, entry_id) WHERE state = 'out';
