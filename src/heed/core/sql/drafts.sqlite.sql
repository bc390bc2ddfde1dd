CREATE TABLE core_campaigndraft (
    campaign_id bigint NOT NULL,
    zone integer NOT NULL,
    recipient bigint NOT NULL,
    fields text NOT NULL,
    PRIMARY KEY (campaign_id, zone, recipient)
) WITHOUT ROWID;
