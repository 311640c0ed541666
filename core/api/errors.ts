/**
 * Every code of the gateway's own start-up, configuration and command-line errors, with what it
 * means. A code never changes its meaning; new ones are added. What clients read is in the
 * OpenAI envelope and has codes of its own (`invalid_api_key`, `model_not_found`, …).
 */
export const ERROR_CODES = Object.freeze({
  HG_CONFIG_NOT_FOUND: 'the config file, or a file it includes, does not exist or cannot be read',
  HG_CONFIG_TOO_LARGE: 'the config is larger, deeper or has more aliases than a config may have',
  HG_CONFIG_SYNTAX: 'the file is not valid YAML 1.2, or a key stands in it twice',
  HG_CONFIG_INCLUDE: 'an include is missing, includes itself, or defines a name that exists already',
  HG_CONFIG_VARIABLE: 'a ${…} names a variable or a file that is not there',
  HG_CONFIG_UNKNOWN_OPTION: 'an option is not known at that place',
  HG_CONFIG_INVALID: 'a value is not of the expected type or form',
  HG_CONFIG_MISSING: 'a required option is missing',
  HG_CONFIG_REFERENCE: 'a name is used that nothing defines, or that is of another kind',
  HG_CONFIG_UNUSED: 'an instance that no pipeline uses and nothing requires',
  HG_CONFIG_ROUTE: 'a route cannot be reached, or cannot serve what it matches',
  HG_CONFIG_ORDER: 'the order of a pipeline breaks what a plugin declared',
  HG_CONFIG_STREAMING: 'a plugin that changes answers does not say what it does to streams',
  HG_CONFIG_WHEN: 'a condition is invalid, or names a fact that is not known at that stage',
  HG_CONFIG_COVERAGE: 'a required step does not cover something its route serves',
  HG_ENV_INVALID: 'a process variable has a value of the wrong form',
  HG_PLUGIN_NOT_FOUND: 'a plugin is neither a built-in nor installed nor a file',
  HG_PLUGIN_FORBIDDEN: 'a plugin lies outside the allowed folders or names, or can be written by others',
  HG_PLUGIN_IMPORT: 'the module of a plugin throws, hangs or has no default export made by definePlugin or defineProvider',
  HG_PLUGIN_API_VERSION: 'a plugin is written for another version of the plugin API',
  HG_PLUGIN_HOOK: 'a plugin returns something that is no hook',
  HG_PLUGIN_CONFLICT: 'two plugins claim the same name, service or command',
  HG_PLUGIN_CYCLE: 'services or order constraints depend on each other in a circle',
  HG_PLUGIN_SETUP: 'setup throws or does not finish',
  HG_PLUGIN_START: 'start throws or does not finish',
  HG_PLUGIN_SERVICE: 'a service is required that nothing provides',
  HG_LISTEN: 'the address cannot be listened on',
  HG_USAGE: 'the command line is not understood',
  HG_COMMAND: 'a command could not do its work'
})

/** One of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES
