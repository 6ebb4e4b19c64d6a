/** What of Amazon's SDK is used, apart from everything else: it is large, and loaded when the first parameter is asked for. */
export { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
