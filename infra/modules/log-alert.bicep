// One alert on a query of the workspace: it is raised when the query finds anything.

param name string
param location string
param tags { *: string }
param text string
param workspaceId string
param query string

@description('Empty: the alert only shows in the portal.')
param actionGroupId string

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: name
    description: text
    severity: 1
    enabled: true
    scopes: [
      workspaceId
    ]
    // Four looks at each hour: the log comes in some minutes late.
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    // The table is not there before its first line.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: empty(actionGroupId) ? [] : [
        actionGroupId
      ]
    }
  }
}
