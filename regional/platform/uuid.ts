/** UUIDv7 (RFC 9562 §5.7), for rows that no contract names. */
export { uuidv7 as v7 } from 'uuidv7'
