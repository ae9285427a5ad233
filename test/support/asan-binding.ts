import { registerHooks } from 'node:module';

/** Puts the binding that KAAP_ASAN_BINDING names in place of `pkcs11js`: the one that was built with AddressSanitizer. */
const built = process.env['KAAP_ASAN_BINDING'];
if (built === undefined) throw new Error('KAAP_ASAN_BINDING names no binding');

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'pkcs11js' ? built : specifier, context),
});
