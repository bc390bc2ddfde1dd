"""What a command_status says (SMPP 3.4, section 5.1.3). Only those that Heed gives or understands have a name."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    OK = 0x00
    INVALID_MESSAGE_LENGTH = 0x01
    INVALID_COMMAND_LENGTH = 0x02
    INVALID_COMMAND_ID = 0x03
    INCORRECT_BIND_STATUS = 0x04
    ALREADY_BOUND = 0x05
    SYSTEM_ERROR = 0x08
    INVALID_SOURCE_ADDRESS = 0x0A
    INVALID_DESTINATION_ADDRESS = 0x0B
    INVALID_MESSAGE_ID = 0x0C
    BIND_FAILED = 0x0D
    INVALID_PASSWORD = 0x0E
    INVALID_SYSTEM_ID = 0x0F
    CANCEL_FAILED = 0x11
    REPLACE_FAILED = 0x13
    MESSAGE_QUEUE_FULL = 0x14
    INVALID_SERVICE_TYPE = 0x15
    INVALID_NUMBER_OF_DESTINATIONS = 0x33
    INVALID_LIST_NAME = 0x34
    INVALID_DESTINATION_FLAG = 0x40
    INVALID_ESM_CLASS = 0x43
    SUBMIT_FAILED = 0x45
    INVALID_SYSTEM_TYPE = 0x53
    THROTTLED = 0x58
    INVALID_SCHEDULED_TIME = 0x61
    INVALID_EXPIRY_TIME = 0x62
    TEMPORARY_APPLICATION_ERROR = 0x64
    PERMANENT_APPLICATION_ERROR = 0x65
    REJECTED_BY_APPLICATION = 0x66
    QUERY_FAILED = 0x67
    INVALID_OPTIONAL_PART = 0xC0
    INVALID_PARAMETER_LENGTH = 0xC2
    UNKNOWN_ERROR = 0xFF


def shown(code: int) -> str:
    """As people look it up: ``0x0000000B (invalid destination address)``."""
    try:
        return f"0x{code:08X} ({Status(code).name.lower().replace('_', ' ')})"
    except ValueError:
        return f"0x{code:08X}"
