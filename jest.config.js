/** Run by `node --experimental-vm-modules`, since the sources are ES modules. */
export default {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/transform.js' },
  globalSetup: '<rootDir>/test/support/globalSetup.js',
  globalTeardown: '<rootDir>/test/support/globalTeardown.js',
  reporters: ['default', '<rootDir>/test/support/reporter.js'],
  maxWorkers: 2,
  testTimeout: 20_000,
  modulePathIgnorePatterns: ['<rootDir>/\\.freehold/'],
  watchPathIgnorePatterns: ['<rootDir>/\\.freehold/', '<rootDir>/generated/'],
}
