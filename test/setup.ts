import fc from 'fast-check'

/**
 * Properties are tried on the same examples every time, so that a red run is about the change at hand.
 * WEFT_TEST_SEED=$RANDOM npm run unit   looks for new ones.
 */
fc.configureGlobal({ seed: Number(process.env['WEFT_TEST_SEED'] ?? 20261122) })
